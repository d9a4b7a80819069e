"""Reading checkpoints of other projects without ever running what they contain."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.data.formats.pickles import read_pickle
from handful.errors import DataError, WeightsError
from handful.weights.store import require_file

STATE_KEYS = ("net", "state_dict", "model", "blobs")
"""Where projects put the state dict inside a checkpoint."""

NUMPY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
"""Where numpy 1 and numpy 2 say that their numbers come from."""

PICKLE_MARK = b"\x80"
TORCH_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""The number that torch.save wrote first of all, before it wrote archives."""

NUMBER_KINDS = "biuf"
NUMBER_CODES = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}


def read_foreign(path: Path | str) -> dict[str, Any]:
    """Return the nested dict of a checkpoint: tensors, numbers, texts, lists, dicts.

    A ``torch.save`` file is read by ``torch.load(weights_only=True)`` and nothing else; of
    further types only numpy's numbers are let in, as plain numbers. A plain pickle, as Caffe2
    files are, is read by an unpickler that knows numbers, texts and arrays; its arrays become
    tensors. Raises ``WeightsError`` for a file that asks to run code, is damaged, or is no
    checkpoint.
    """
    place = Path(path)
    require_file(place)
    start = _start_of(place)
    if start.startswith(PICKLE_MARK) and not start.startswith(TORCH_START):
        content = _read_arrays(place)
    else:
        content = _read_torch(place)
    if not isinstance(content, Mapping):
        raise WeightsError(
            "not a checkpoint",
            file=place,
            got=f"a {type(content).__name__}",
            expected="a dictionary of tensors",
        )
    return dict(content)


def state_dict_of(content: Mapping[str, Any], *, file: Path | str) -> dict[str, Any]:
    """Return the tensors of a checkpoint, by name, wherever in it they stand.

    Raises ``WeightsError`` if it holds no dictionary of tensors.
    """
    from torch import Tensor

    for candidate in (*(content.get(key) for key in STATE_KEYS), content):
        if isinstance(candidate, Mapping):
            state = {str(key): item for key, item in candidate.items() if isinstance(item, Tensor)}
            if state:
                return state
    raise WeightsError(
        "the checkpoint holds no weights",
        file=file,
        got=f"the entries {', '.join(map(str, list(content)[:10])) or 'none'}",
        expected="a dictionary of tensors, or one under " + ", ".join(STATE_KEYS),
    )


class _NumberType:
    """Stands for ``numpy.dtype`` while a file is read: nothing but the code of a number.

    numpy's own type would take whatever inner state a file gives it.
    """

    def __init__(self, code: str, *_: object) -> None:
        if code not in NUMBER_CODES:
            raise pickle.UnpicklingError(f"GLOBAL numpy.dtype of {code!r}")
        self.code = code
        self.order = "<"

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.order = ">" if state[1] == ">" else "<"


def _number(kind: _NumberType, raw: bytes) -> int | float | bool:
    """Stand for numpy's maker of numbers: return a plain number of Python."""
    import numpy

    return numpy.frombuffer(raw, kind.order + kind.code, 1)[0].item()


def _numpy_stand_ins() -> list[Any]:
    """Return what old training loops leave in checkpoints, numpy's numbers, made harmless."""
    return [
        (_NumberType, "numpy.dtype"),
        *((_number, f"{module}.scalar") for module in NUMPY_MODULES),
    ]


def _read_torch(path: Path) -> Any:
    import torch

    try:
        with torch.serialization.safe_globals(_numpy_stand_ins()):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # A damaged or hostile file may fail in any way.
        raise _explained(path, error) from error


def _read_arrays(path: Path) -> Any:
    try:
        return _Tensors(largest=path.stat().st_size).of(read_pickle(path))
    except (DataError, RecursionError) as error:
        reason = str(getattr(error, "got", None) or type(error).__name__)
        asked = re.match(r"it asks for ([\w.]+)", reason)
        refusal = _refusal(path, f"a call of {asked[1]}") if asked else _damaged(path, reason)
        raise refusal from error


class _Tensors:
    """Puts tensors for arrays of numbers, wherever they stand in what a pickle gave.

    largest: bytes of an array; more than the file has cannot have come from it.
    """

    def __init__(self, largest: int) -> None:
        self.largest = largest
        # A pickle of a few bytes can name one list a billion times: each is done once.
        self._done: dict[int, Any] = {}

    def of(self, value: Any) -> Any:
        if id(value) not in self._done:
            self._done[id(value)] = self._converted(value)
        return self._done[id(value)]

    def _converted(self, value: Any) -> Any:
        import numpy
        import torch

        if isinstance(value, dict):
            return {key: self.of(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.of(item) for item in value]
        if not isinstance(value, numpy.ndarray) or value.dtype.kind not in NUMBER_KINDS:
            return value
        if value.nbytes > self.largest:
            raise DataError("an array larger than its file", got="an array larger than the file")
        native = value.dtype.newbyteorder("=")
        return torch.from_numpy(numpy.array(value, dtype=native, order="C", subok=False))


def _start_of(path: Path) -> bytes:
    with path.open("rb") as stream:
        start = stream.read(256)
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise WeightsError(
            "not a checkpoint",
            file=path,
            got="a web page",
            remedy="The download gave a page instead of the file; download it by hand",
        )
    return start


def _refusal(path: Path, got: str) -> WeightsError:
    return WeightsError(
        "the file could run code when unpickled, so it was not opened",
        file=path,
        got=got,
        expected="tensors, arrays and plain values",
        remedy="Get the file from its authors, and do not open it with anything else",
    )


def _explained(path: Path, error: Exception) -> WeightsError:
    text = str(error)
    call = re.search(r"GLOBAL ([\w.]+)", text)
    if isinstance(error, pickle.UnpicklingError) and call:
        return _refusal(path, f"a call of {call[1]}")
    if "legacy .tar format" in text:
        return WeightsError(
            "the checkpoint has the tar format of before 2017, which cannot be read safely",
            file=path,
            remedy="Ask for a newer copy",
        )
    detail = text.rpartition("WeightsUnpickler error:")[2].strip() or type(error).__name__
    return _damaged(path, detail.splitlines()[0])


def _damaged(path: Path, detail: str) -> WeightsError:
    return WeightsError(
        "the checkpoint is damaged or is none",
        file=path,
        got=detail[:200],
        expected="a file written by torch.save, or a pickle of arrays",
        remedy="Fetch it again",
    )
