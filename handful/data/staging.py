"""Streams over streams: another for the last steps, another size every few, progress told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import KW_ONLY, dataclass, replace
from itertools import islice
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor

from handful.data.dataset import Dataset
from handful.data.order import period_randomness
from handful.data.transforms.resize import nearest
from handful.errors import ConfigError
from handful.structures import Batch, Targets


class Stream(Protocol):
    """Batches for ever, ``parts`` of them a step: a function of the step alone."""

    @property
    def dataset(self) -> Dataset:
        """What the pictures of the batches are positions in."""
        ...

    @property
    def parts(self) -> int:
        """Batches a step."""
        ...

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Yield the batches from step ``start`` on."""
        ...


@dataclass(frozen=True)
class StagedStream:
    """``first`` up to step ``switch``, then ``last``, whose batches are marked ``closing``.

    Raises ``ConfigError`` unless both have as many parts a step.
    """

    first: Stream
    last: Stream
    switch: int

    def __post_init__(self) -> None:
        if self.first.parts != self.last.parts:
            raise ConfigError(
                "both stages of a stream need as many parts a step",
                field="parts",
                got=self.last.parts,
                expected=self.first.parts,
            )

    @property
    def dataset(self) -> Dataset:
        """The data set of the first stage; the last has the same pictures."""
        return self.first.dataset

    @property
    def parts(self) -> int:
        """Batches a step."""
        return self.first.parts

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Yield the batches from step ``start`` on."""
        left = max(self.switch - start, 0)
        if left:
            with closing(_generated(self.first, start)) as opening:
                yield from islice(opening, left * self.parts)
        for batch in self.last.batches(start + left):
            yield replace(batch, closing=True)


@dataclass(frozen=True)
class MultiScale:
    """How the size of a batch changes while a detector learns (YOLOX, its code).

    low, high: heights, both included, in cells of ``stride`` pixels. every: steps for which one
    size holds; the first steps have the size that the pictures come in.
    Raises ``ConfigError`` for values that make no sense.
    """

    low: int = 15
    high: int = 25
    every: int = 10
    stride: int = 32

    def __post_init__(self) -> None:
        rules = (
            ("low", self.low >= 1, "1 or more"),
            ("high", self.high >= self.low, f"{self.low} or more"),
            ("every", self.every >= 1, "1 or more"),
            ("stride", self.stride >= 1, "1 or more"),
        )
        for name, fits, expected in rules:
            if not fits:
                raise ConfigError(
                    "sizes that cannot be drawn",
                    field=name,
                    got=getattr(self, name),
                    expected=expected,
                )

    def size(self, step: int, *, nominal: tuple[int, int], seed: int) -> tuple[int, int]:
        """Return height and width of step ``step`` for pictures that come in size ``nominal``."""
        period = step // self.every
        if not period:
            return nominal
        cells = int(period_randomness(seed, period).integers(self.low, self.high, endpoint=True))
        height, width = nominal
        return self.stride * cells, self.stride * int(cells * width / height)


@dataclass(frozen=True)
class ChangedStream(ABC):
    """``stream`` with every batch changed, in a way that depends on the step alone."""

    stream: Stream

    @property
    def dataset(self) -> Dataset:
        """The data set of the stream."""
        return self.stream.dataset

    @property
    def parts(self) -> int:
        """Batches a step."""
        return self.stream.parts

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Yield the changed batches from step ``start`` on."""
        for number, batch in enumerate(self.stream.batches(start)):
            yield self.changed(batch, start + number // self.parts)

    @abstractmethod
    def changed(self, batch: Batch, step: int) -> Batch:
        """Return what becomes of ``batch`` in ``step``."""


@dataclass(frozen=True)
class MultiScaleStream(ChangedStream):
    """``stream`` with all batches of a step resized alike, by ``scales``.

    nominal: (height, width) of the batches of ``stream``, which are expected to be of one size.
    seed: what sizes are drawn from; the same in all processes.
    """

    scales: MultiScale
    _: KW_ONLY
    nominal: tuple[int, int]
    seed: int

    def changed(self, batch: Batch, step: int) -> Batch:
        """Return ``batch`` in the size of this step."""
        return resized_batch(batch, self.scales.size(step, nominal=self.nominal, seed=self.seed))


@dataclass(frozen=True)
class ProgressStream(ChangedStream):
    """``stream`` with every batch told how far training has come.

    steps: of training. epochs: that these are divided into; progress stays the same for the
    length of one. As many epochs as steps let it rise with every step.
    """

    steps: int
    epochs: int

    def __post_init__(self) -> None:
        if not 1 <= self.epochs <= self.steps:
            raise ConfigError(
                "training cannot be divided so",
                field="epochs",
                got=self.epochs,
                expected=f"1 to the steps, {self.steps}",
            )

    def changed(self, batch: Batch, step: int) -> Batch:
        """Return ``batch``, told the progress of the epoch that ``step`` is in."""
        epoch = min(step * self.epochs // self.steps, self.epochs - 1)
        return replace(batch, progress=epoch_progress(epoch, self.epochs))


def epoch_progress(epoch: int, epochs: int) -> float:
    """Return how far training is in ``epoch``, counted from 0: 0 in the first, 1 in the last."""
    return epoch / (epochs - 1) if epochs > 1 else 0.0


def resized_batch(batch: Batch, size: tuple[int, int]) -> Batch:
    """Return ``batch`` with pictures, padding and boxes stretched to ``size``, bilinearly."""
    height, width = batch.images.shape[-2:]
    if (height, width) == tuple(size):
        return batch
    ratio = batch.sizes.new_tensor([size[0] / height, size[1] / width], dtype=batch.images.dtype)
    sizes = (batch.sizes * ratio).round().to(batch.sizes.dtype)
    return replace(
        batch,
        images=F.interpolate(batch.images, size=size, mode="bilinear", align_corners=False),
        sizes=sizes,
        targets=tuple(
            _stretched(one, ratio, tuple(new))
            for one, new in zip(batch.targets, sizes.tolist(), strict=True)
        ),
    )


def _stretched(targets: Targets, ratio: Tensor, image_size: tuple[int, int]) -> Targets:
    across = ratio.flip(0).repeat(2).to(targets.boxes)
    masks = None if targets.masks is None else nearest(targets.masks, image_size)
    return replace(targets, boxes=targets.boxes * across, masks=masks, image_size=image_size)


def _generated(stream: Stream, start: int) -> Generator[Batch]:
    """Return the batches of ``stream`` as a generator: closed, it ends its reading processes."""
    yield from stream.batches(start)
