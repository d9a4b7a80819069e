"""What is known to be in one picture."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handful.errors import DataError
from handful.structures.columns import Columns


@dataclass(frozen=True)
class Targets(Columns):
    """Labelled objects of one picture, one row each.

    boxes: ``[N, 4]`` float32, xyxy in pixels. labels: ``[N]`` int64, 0-based.
    crowd: ``[N]`` bool, a region of many objects. difficult: ``[N]`` bool, not counted.
    image_size: (height, width). rows: ``[N]`` int64, where each object stands in the table of
    its data set, for what is not known here, like its outline; None where that is not needed.
    masks: ``[N, H, W]`` bool, the pixels of each object; None where they were not asked for.
    """

    boxes: Tensor
    labels: Tensor
    crowd: Tensor
    difficult: Tensor
    image_size: tuple[int, int]
    rows: Tensor | None = None
    masks: Tensor | None = None

    def __post_init__(self) -> None:
        if self.boxes.ndim != 2 or self.boxes.shape[1] != 4:
            raise DataError(
                "boxes of Targets have the wrong shape",
                got=list(self.boxes.shape),
                expected="[N, 4]",
            )
        self._require_equal_lengths()
        self._require_masks_of(self.image_size)

    @classmethod
    def of(
        cls,
        boxes: Tensor,
        labels: Tensor,
        image_size: tuple[int, int],
        *,
        difficult: Tensor | None = None,
    ) -> Targets:
        """Build targets without crowd regions, difficult only where said."""
        nothing = torch.zeros(len(labels), dtype=torch.bool, device=labels.device)
        return cls(
            boxes=boxes.reshape(-1, 4).float(),
            labels=labels.long(),
            crowd=nothing,
            difficult=nothing if difficult is None else difficult.bool(),
            image_size=image_size,
        )
