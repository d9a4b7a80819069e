"""Objects cut out of their pictures, for networks that learn from them one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from handful.errors import DataError


@dataclass(frozen=True)
class ObjectCrops:
    """The same objects shown at several scales.

    pictures: one ``[B, 3, side, side]`` float32 a scale, normalised. labels: ``[B]`` int64.
    Raises ``DataError`` where the scales do not show the same number of objects.
    """

    pictures: tuple[Tensor, ...]
    labels: Tensor

    def __post_init__(self) -> None:
        counts = [len(one) for one in self.pictures]
        if any(count != len(self.labels) for count in counts):
            raise DataError(
                "every scale must show every object",
                field="pictures",
                got=counts,
                expected=f"{len(self.labels)} objects a scale, one a label",
            )

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device | str) -> Self:
        """Return the same crops on ``device``."""
        return type(self)(
            tuple(one.to(device, non_blocking=True) for one in self.pictures),
            self.labels.to(device, non_blocking=True),
        )
