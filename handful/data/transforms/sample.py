"""One picture on its way to a network, and the form of what may happen to it there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy
import torch
from PIL import Image
from torch import Tensor

from handful.boxes import clip_boxes
from handful.errors import ConfigError, NotSupported
from handful.structures import Targets

SMALLEST_SIDE = 1e-5
"""Pixels: a box must be longer than this both ways to be learnt from (detectron2's limit)."""


@dataclass(frozen=True)
class Sample:
    """One picture with what is known to be in it.

    image: ``[3, h, w]`` uint8, RGB. targets: boxes in pixels of ``image``, whose size is
    ``targets.image_size``. original: (height, width) as read. picture: position in the data set.
    """

    image: Tensor
    targets: Targets
    original: tuple[int, int]
    picture: int = 0

    @classmethod
    def of(cls, image: Image.Image, targets: Targets | None = None, *, picture: int = 0) -> Self:
        """Return the sample of an RGB picture as it was read; without targets, an empty one."""
        size = (image.height, image.width)
        nothing = Targets.of(torch.zeros(0, 4), torch.zeros(0), size)
        return cls(image_tensor(image), targets or nothing, original=size, picture=picture)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture as it is now."""
        return self.image.shape[-2], self.image.shape[-1]

    def moved(self, image: Tensor, boxes: Tensor, masks: Tensor | None = None) -> Self:
        """Return the sample with another ``image`` and its ``boxes`` where they are in that.

        Raises ``NotSupported`` if the sample has masks and none are given.
        """
        if masks is None:
            require_no_masks(self.targets, "this change of a picture")
        size = (image.shape[-2], image.shape[-1])
        targets = replace(self.targets, boxes=boxes, masks=masks, image_size=size)
        return replace(self, image=image, targets=targets)

    def moved_masks(self, move: Callable[[Tensor], Tensor]) -> Tensor | None:
        """Return what ``move`` makes of the masks ``[N, h, w]``, None if there are none."""
        return None if self.targets.masks is None else move(self.targets.masks)


class Transform(Protocol):
    """Changes a sample; draws whatever is random from ``rng`` alone, and changes no input."""

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the changed sample."""
        ...


@dataclass(frozen=True)
class Chain:
    """One transform after the other."""

    transforms: tuple[Transform, ...] = ()

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return what the last transform returns."""
        for transform in self.transforms:
            sample = transform(sample, rng)
        return sample


@dataclass(frozen=True)
class Sometimes:
    """Does what ``transform`` does with a probability, else nothing."""

    transform: Transform
    probability: float

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ConfigError(
                "no probability", field="probability", got=self.probability, expected="0 to 1"
            )

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the changed sample, or the same."""
        return self.transform(sample, rng) if rng.random() < self.probability else sample


@dataclass(frozen=True)
class OneOf:
    """Does what one of ``transforms`` does, each as likely; raises ``ConfigError`` for none."""

    transforms: tuple[Transform, ...]

    def __post_init__(self) -> None:
        if not self.transforms:
            raise ConfigError("nothing to choose from", field="transforms", got="none")

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return what the drawn transform returns."""
        return self.transforms[int(rng.integers(len(self.transforms)))](sample, rng)


def image_tensor(image: Image.Image) -> Tensor:
    """Return an RGB picture as ``[3, h, w]`` uint8, channels last in memory."""
    return torch.from_numpy(numpy.array(image)).permute(2, 0, 1)


def pil_image(image: Tensor) -> Image.Image:
    """Return ``[3, h, w]`` uint8 as a picture."""
    return Image.fromarray(numpy.ascontiguousarray(image.permute(1, 2, 0).numpy()))


def require_no_masks(targets: Targets, what: str) -> None:
    """Raise ``NotSupported``, naming ``what`` cannot carry them, if ``targets`` have masks."""
    if targets.masks is not None:
        raise NotSupported(
            f"{what} moves boxes, but cannot carry masks",
            got=f"{len(targets)} masks",
            remedy="Leave it out of the recipe, or learn boxes alone",
        )


def usable_targets(targets: Targets) -> Targets:
    """Return what can be learnt from: boxes clipped to the picture, not crowd, not without area."""
    clipped = replace(targets, boxes=clip_boxes(targets.boxes, targets.image_size))
    return clipped[~clipped.crowd & has_extent(clipped.boxes)]


def has_extent(boxes: Tensor) -> Tensor:
    """Return which ``[N]`` of the ``boxes`` ``[N, 4]`` are longer than nothing both ways."""
    return (boxes[:, 2:] - boxes[:, :2] > SMALLEST_SIDE).all(dim=1)
