"""Reading published pickled lists without running what a pickle may carry.

A pickle is a program. This reader lets it build numbers, texts, lists, dicts and numpy arrays,
and refuses every other name, so that a hostile file can do nothing.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy

from handful.errors import DataError


class _NumberType:
    """Stands for numpy.dtype: plain types only.

    numpy would believe a pickle that calls raw bytes pointers to objects, so none reaches it.
    """

    def __init__(self, code: str, *flags: object) -> None:
        if not re.fullmatch(r"[|<>=]?(b1|[iuf][1248]|[SU]\d{1,6}|O8?)", code):
            raise pickle.UnpicklingError(f"numbers of type {code!r}")
        self.code = code.lstrip("|<>=")
        self.order = "="

    def __setstate__(self, state: tuple[object, ...]) -> None:
        """Take the byte order; records and sub-arrays are refused."""
        if any(part is not None for part in state[2:5]) or state[1] not in ("|", "<", ">", "="):
            raise pickle.UnpicklingError("numbers of a compound type")
        self.order = str(state[1])

    def plain(self) -> numpy.dtype:
        return numpy.dtype(self.order + self.code)


class _Array(numpy.ndarray):
    """An array that a pickle may fill."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        """Take shape, type and values; numpy checks that they fit."""
        version, shape, kind, column_major, data = state
        if not isinstance(kind, _NumberType):
            raise pickle.UnpicklingError("an array that is not a plain one")
        super().__setstate__((version, shape, kind.plain(), column_major, data))


def _reconstruct(kind: object, shape: object, code: object) -> _Array:
    """Make the empty array that the pickle then fills; its size is checked by numpy there."""
    return _Array((0,), "i1")


def _scalar(kind: _NumberType, data: str | bytes) -> Any:
    """Make a numpy number from its bytes."""
    raw = data.encode("latin-1") if isinstance(data, str) else data
    return numpy.frombuffer(raw, kind.plain(), count=1)[0]


def _bytes(text: str, encoding: str) -> bytes:
    """Stand in for _codecs.encode, by which newer Pythons write bytes into old pickles."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"bytes coded as {encoding}")
    return text.encode("latin-1")


def _no_bytes() -> bytes:
    """Stand in for bytes, which old pickles call to make none."""
    return b""


_ALLOWED = {
    ("__builtin__", "bytes"): _no_bytes,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _NumberType,
    ("_codecs", "encode"): _bytes,
} | {
    (module, name): stand_in
    for module in ("numpy.core.multiarray", "numpy._core.multiarray")
    for name, stand_in in (("_reconstruct", _reconstruct), ("scalar", _scalar))
}


class _Reader(pickle.Unpickler):
    """An unpickler that knows only the stand-ins above."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _ALLOWED:
            return _ALLOWED[module, name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def read_pickle(file: Path) -> Any:
    """Return what a pickled list of texts, numbers and numpy arrays holds.

    Texts are read as latin-1, as Python 2 wrote them. Raises ``DataError`` on anything that
    asks for more, and on damaged files.
    """
    try:
        with file.open("rb") as stream:
            return _Reader(stream, encoding="latin-1").load()
    except OSError as error:
        raise DataError(
            "cannot read the file", file=file, got=error.strerror, remedy="Check the path"
        ) from error
    except Exception as error:  # damaged pickles raise anything
        raise DataError(
            "a pickle that is damaged or wants to run code",
            file=file,
            got=str(error) or type(error).__name__,
            expected="lists, dicts, texts, numbers and numpy arrays",
            remedy="Download it again from where it was published",
        ) from error
