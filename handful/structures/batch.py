"""What a training step sees."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from handful.structures.crops import ObjectCrops
from handful.structures.targets import Targets


@dataclass(frozen=True)
class Batch:
    """Pictures prepared for a network, with what is known to be in them.

    images: ``[B, 3, H, W]`` float32, normalised, padded at the bottom and right.
    sizes: ``[B, 2]`` int64, height and width of each picture before padding.
    targets: one each, boxes in pixels of the prepared picture, image_size as in ``sizes``.
    originals: (height, width) of each picture as it was read.
    pictures: their positions in the data set.
    closing: whether training is in its last steps, which learn from plain pictures.
    domains: ``[B]`` int64, the domain that each picture comes from, None where there are none.
    progress: how far training has come, 0 in its first epoch to 1 in its last, None where nothing
    depends on it.
    crops: objects of other pictures, cut out at several scales, None where none are learned from.
    """

    images: Tensor
    sizes: Tensor
    targets: tuple[Targets, ...]
    originals: tuple[tuple[int, int], ...]
    pictures: tuple[int, ...]
    closing: bool = False
    progress: float | None = None
    domains: Tensor | None = None
    crops: ObjectCrops | None = None

    def __len__(self) -> int:
        return self.images.shape[0]

    def to(self, device: torch.device | str) -> Self:
        """Return the same batch on ``device``."""
        return replace(
            self,
            images=self.images.to(device, non_blocking=True),
            sizes=self.sizes.to(device, non_blocking=True),
            targets=tuple(one.to(device) for one in self.targets),
            domains=None if self.domains is None else self.domains.to(device, non_blocking=True),
            crops=None if self.crops is None else self.crops.to(device),
        )
