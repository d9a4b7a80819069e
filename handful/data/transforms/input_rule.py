"""How a network wants its pictures: order of channels, normalisation, padding."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from handful.data.transforms.sample import Sample
from handful.errors import DataError
from handful.structures import Batch


@dataclass(frozen=True)
class InputRule:
    """What is done to the values of a picture before a network sees it.

    channel_order: of the network. mean, std: of the channels in that order, 0 to 255.
    divisor: height and width of a batch are rounded up to multiples of it (None: as they are).
    fill: value of the padding before it is normalised (None: zero once normalised).
    canvas: least (height, width) of a batch, or "square": both sides as long as the longest.
    """

    channel_order: Literal["bgr", "rgb"] = "rgb"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    divisor: int | None = None
    fill: float | None = None
    canvas: tuple[int, int] | Literal["square"] | None = None

    def normalise_into(self, canvas: Tensor, image: Tensor) -> None:
        """Write ``image`` ``[3, h, w]`` uint8 RGB, normalised, into ``canvas`` ``[3, h, w]``."""
        for channel, (mean, std) in enumerate(zip(self.mean, self.std, strict=True)):
            plane = image[2 - channel if self.channel_order == "bgr" else channel]
            canvas[channel].copy_(plane).sub_(mean)
            if std != 1:
                canvas[channel].div_(std)

    def normalised(self, image: Tensor) -> Tensor:
        """Return ``image`` ``[3, h, w]`` uint8 RGB as the network wants it, float32."""
        canvas = torch.empty(image.shape, dtype=torch.float32)
        self.normalise_into(canvas, image)
        return canvas

    def collate(self, samples: Sequence[Sample]) -> Batch:
        """Return the samples as one batch, padded at the bottom and right.

        Raises ``DataError`` if there are none.
        """
        if not samples:
            raise DataError("a batch without pictures", expected="at least one")
        sizes = torch.tensor([sample.size for sample in samples])
        images = self.padding().expand(len(samples), 3, *self.batch_size(sizes)).contiguous()
        for canvas, sample in zip(images, samples, strict=True):
            rows, columns = sample.size
            self.normalise_into(canvas[:, :rows, :columns], sample.image)
        return Batch(
            images=images,
            sizes=sizes,
            targets=tuple(sample.targets for sample in samples),
            originals=tuple(sample.original for sample in samples),
            pictures=tuple(sample.picture for sample in samples),
        )

    def batch_size(self, sizes: Tensor) -> tuple[int, int]:
        """Return the height and width of a batch of pictures of ``sizes`` ``[B, 2]``."""
        height, width = (int(side) for side in sizes.amax(dim=0))
        if self.canvas == "square":
            height = width = max(height, width)
        elif self.canvas is not None:
            height, width = max(height, self.canvas[0]), max(width, self.canvas[1])
        divisor = self.divisor or 1
        return math.ceil(height / divisor) * divisor, math.ceil(width / divisor) * divisor

    def padding(self) -> Tensor:
        """Return the values ``[3, 1, 1]`` of a padded pixel, as the network sees them."""
        if self.fill is None:
            return torch.zeros(3, 1, 1)
        values = (torch.full((3,), float(self.fill)) - torch.tensor(self.mean)) / torch.tensor(
            self.std
        )
        return values[:, None, None]
