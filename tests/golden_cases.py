"""Finding reference numbers: every file of a kind, every case inside it."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from torch import Tensor

HERE = Path(__file__).parent / "golden"


def golden_root() -> Path:
    """Return the folder of all methods' reference numbers."""
    return Path(os.environ.get("HANDFUL_GOLDEN") or HERE)


@dataclass(frozen=True)
class GoldenCase:
    """The arrays of one case of one file."""

    file: Path
    prefix: str
    arrays: Mapping[str, numpy.ndarray]

    def __getitem__(self, name: str) -> Tensor:
        return torch.from_numpy(numpy.array(self.arrays[name]))

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def names(self, start: str) -> list[str]:
        """Return the arrays whose name begins with ``start``."""
        return [name for name in self.arrays if name.startswith(start)]

    def array(self, name: str) -> numpy.ndarray:
        return self.arrays[name]

    def number(self, name: str) -> Any:
        """Return the only value of an array, as Python's number or text."""
        return self.arrays[name].reshape(-1)[0].item()

    def numbers(self, name: str) -> list[Any]:
        return self.arrays[name].tolist()


def kind_of(file: Path, kinds: Collection[str]) -> str | None:
    """Return the kind of ``file``: its name without a label after an underscore."""
    fitting = [k for k in kinds if file.stem == k or file.stem.startswith(f"{k}_")]
    return max(fitting, key=len, default=None)


def files_of(method: str, kind: str, kinds: Collection[str]) -> list[Path]:
    """Return every file of ``kind`` in the folder of ``method``; ``kinds`` are all there are."""
    folder = golden_root() / method
    return [file for file in sorted(folder.glob("*.*")) if kind_of(file, kinds) == kind]


def file_params(method: str, kind: str, kinds: Collection[str]) -> list[Any]:
    """Return one pytest parameter a file, or one that is skipped with the kind's name."""
    files = files_of(method, kind, kinds)
    return [pytest.param(file, id=f"{method}-{file.stem}") for file in files] or [
        _missing(method, kind)
    ]


def case_params(method: str, kind: str, kinds: Collection[str]) -> list[Any]:
    """Return one pytest parameter a case of every file, or one that is skipped."""
    cases = [case for file in files_of(method, kind, kinds) for case in read_cases(file)]
    return [
        pytest.param(case, id=f"{method}-{case.file.stem}-{case.prefix}") for case in cases
    ] or [_missing(method, kind)]


def read_cases(file: Path) -> list[GoldenCase]:
    """Return the cases ``cNN.name`` of an ``.npz`` file."""
    grouped: dict[str, dict[str, numpy.ndarray]] = {}
    with numpy.load(file, allow_pickle=False) as archive:
        for key in archive.files:
            prefix, _, name = key.partition(".")
            grouped.setdefault(prefix, {})[name] = archive[key]
    return [GoldenCase(file, prefix, arrays) for prefix, arrays in grouped.items()]


def whole_case(file: Path) -> GoldenCase:
    """Return everything in an ``.npz`` file as one case."""
    with numpy.load(file, allow_pickle=False) as archive:
        return GoldenCase(file, "", dict(archive))


def assert_near(
    ours: Tensor, theirs: Tensor, *, rtol: float = 1e-4, atol: float = 1e-5, what: str = ""
) -> None:
    """Fail unless ``ours`` has the shape and, within tolerance, the values of ``theirs``."""
    assert tuple(ours.shape) == tuple(theirs.shape), f"{what}: shape {list(ours.shape)}"
    numpy.testing.assert_allclose(
        ours.detach().double().numpy(), theirs.double().numpy(), rtol=rtol, atol=atol, err_msg=what
    )


def _missing(method: str, kind: str) -> Any:
    reason = f"no file of kind {kind} in {golden_root() / method}"
    return pytest.param(None, id=f"{method}-{kind}-absent", marks=pytest.mark.skip(reason=reason))
