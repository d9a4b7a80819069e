"""Frozen tables of equally long tensors: the shared behaviour of Targets and Detections."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor

from handful.errors import DataError


@dataclass(frozen=True)
class Columns:
    """Base of the types whose tensor fields all have one row an object.

    Indexing with an integer, a slice, a mask or an index tensor selects rows of every column.
    """

    def _columns(self) -> dict[str, Tensor]:
        return {
            field.name: value
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }

    def _require_equal_lengths(self) -> None:
        lengths = {name: column.shape[0] for name, column in self._columns().items()}
        if len(set(lengths.values())) > 1:
            found = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise DataError(
                f"columns of {type(self).__name__} differ in length",
                got=found,
                expected="one row an object in each",
            )

    def _require_masks_of(self, size: tuple[int, int]) -> None:
        masks = self._columns().get("masks")
        if masks is not None and (masks.dtype != torch.bool or tuple(masks.shape[1:]) != size):
            raise DataError(
                f"masks of {type(self).__name__} do not fit the picture",
                got=f"{masks.dtype} {list(masks.shape)}",
                expected=f"torch.bool [N, {size[0]}, {size[1]}]",
            )

    def __len__(self) -> int:
        return next(iter(self._columns().values())).shape[0]

    def __getitem__(self, rows: Any) -> Self:
        if isinstance(rows, int):
            if not -len(self) <= rows < len(self):
                raise IndexError(f"row {rows} of {len(self)}")
            rows = slice(rows, rows + 1 or None)
        elif isinstance(rows, (list, tuple)):
            rows = torch.as_tensor(rows, dtype=torch.long)
        return replace(self, **{name: column[rows] for name, column in self._columns().items()})

    def to(self, device: torch.device | str) -> Self:
        """Return the same table on ``device``."""
        return replace(
            self, **{name: column.to(device) for name, column in self._columns().items()}
        )
