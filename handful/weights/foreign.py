"""Reading checkpoints of other projects without ever running what they contain."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.errors import WeightsError
from handful.weights.store import require_file

STATE_KEYS = ("net", "state_dict", "model")
"""Where projects put the state dict inside a checkpoint."""

NUMPY_MODULES = ("numpy.core.multiarray", "numpy._core.multiarray")
"""Where numpy 1 and numpy 2 say that their numbers come from."""

PICKLE_MARK = 0x80
TORCH_PICKLE_PROTOCOL = 2
"""torch.save writes no newer one."""

NUMBER_CODES = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}


def read_foreign(path: Path | str) -> dict[str, Any]:
    """Return the nested dict of a ``torch.save`` file: tensors, numbers, texts, lists, dicts.

    Read by ``torch.load(weights_only=True)`` and nothing else; of further types only numpy's
    numbers are let in, as plain numbers. Raises ``WeightsError`` for a file that asks to run
    code, is damaged, or is no checkpoint.
    """
    import torch

    place = Path(path)
    require_file(place)
    _refuse_by_start(place)
    try:
        with torch.serialization.safe_globals(_numpy_stand_ins()):
            content = torch.load(place, map_location="cpu", weights_only=True)
    except Exception as error:  # A damaged or hostile file may fail in any way.
        raise _explained(place, error) from error
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


def _refuse_by_start(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(256)
    if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        raise WeightsError(
            "not a checkpoint",
            file=path,
            got="a web page",
            remedy="The download gave a page instead of the file; download it by hand",
        )
    if len(start) > 1 and start[0] == PICKLE_MARK and start[1] > TORCH_PICKLE_PROTOCOL:
        raise _refusal(path, f"a pickle of protocol {start[1]}")


def _refusal(path: Path, got: str) -> WeightsError:
    return WeightsError(
        "the file could run code when unpickled, so it was not opened",
        file=path,
        got=got,
        expected="tensors and plain values, written by torch.save",
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
    return WeightsError(
        "the checkpoint is damaged or is none",
        file=path,
        got=detail.splitlines()[0][:200],
        expected="a file written by torch.save",
        remedy="Fetch it again",
    )
