"""The stream a training run learns from, and pictures prepared for testing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from itertools import islice
from typing import Self

import torch
from torch import Tensor

from handful.data.dataset import Dataset, Picture
from handful.data.images import ImageSource, read_image
from handful.data.order import Part, grouped_parts, sample_randomness
from handful.data.reading import PartReader, SampleReader, read_parts
from handful.data.transforms import InputRule, Sample, Transform
from handful.data.transforms.sample import has_extent
from handful.errors import ConfigError, DataError
from handful.recipes.settings import TrainSettings
from handful.structures import Batch


@dataclass(frozen=True)
class TrainingStream:
    """Pictures of a data set for ever, shuffled anew in each pass; a function of ``seed`` alone.

    batch: pictures a step, over all processes and parts. rank, world: which of how many
    processes this is. parts: batches a step in which each process gets its share.
    workers: processes that read ahead; start_method: how they start (None: the platform's way).
    aspect_groups: whether a part holds either pictures wider than tall, or others, to pad less.
    keep_empty: whether pictures without usable boxes take part. masks: whether the pixels of
    objects are learnt from too, see ``Targets.masks``.

    There is one stream of parts for all processes, each of ``batch / (world * parts)`` pictures.
    Step s is made of the parts from number s * world * parts on; part i of the step is batch
    i // world of process i % world. So N processes with one part each learn from what one
    process with N parts does, part for part.

    Raises ``ConfigError`` for numbers that do not fit, ``DataError`` if no picture is usable, or
    if masks are asked for and not every object has an outline.
    """

    dataset: Dataset
    transform: Transform
    rule: InputRule
    _: KW_ONLY
    batch: int
    seed: int
    rank: int = 0
    world: int = 1
    parts: int = 1
    workers: int = 0
    aspect_groups: bool = True
    keep_empty: bool = False
    masks: bool = False
    start_method: str | None = None
    positions: tuple[int, ...] = field(init=False, repr=False)
    reader: PartReader = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._require_sense()
        usable = torch.ones(len(self.dataset.pictures), dtype=torch.bool)
        if not self.keep_empty:
            usable = has_usable_boxes(self.dataset)
        if not usable.any():
            raise DataError(
                "no picture to learn from",
                file=self.dataset.name,
                got=f"{len(usable)} pictures without a usable box",
                expected="at least one picture with a box that has an area and is no crowd region",
            )
        samples = SampleReader(self.dataset, masks=self.masks)
        reader = PartReader(samples, self.transform, self.rule, self.seed)
        object.__setattr__(self, "positions", tuple(usable.nonzero().flatten().tolist()))
        object.__setattr__(self, "reader", reader)

    @classmethod
    def of(
        cls,
        settings: TrainSettings,
        dataset: Dataset,
        transform: Transform,
        rule: InputRule,
        *,
        rank: int = 0,
        world: int = 1,
        aspect_groups: bool = True,
        keep_empty: bool = False,
        masks: bool = False,
    ) -> Self:
        """Return the part of process ``rank`` of ``world`` of a run by ``settings``."""
        return cls(
            dataset,
            transform,
            rule,
            batch=settings.batch,
            seed=settings.seed,
            rank=rank,
            world=world,
            parts=settings.accumulate,
            workers=settings.workers,
            aspect_groups=aspect_groups,
            keep_empty=keep_empty,
            masks=masks,
        )

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Yield ``parts`` batches a step, for ever, from step ``start`` on.

        What comes before is counted, not read. Raises ``DataError`` naming a picture that
        cannot be read.
        """
        plan = self.plan(start)
        return read_parts(self.reader, plan, workers=self.workers, start_method=self.start_method)

    def plan(self, start: int = 0) -> Iterator[Part]:
        """Yield which pictures each batch of this process is made of, from step ``start`` on."""
        whole = grouped_parts(
            self.positions,
            self._groups(),
            size=self.batch // (self.world * self.parts),
            seed=self.seed,
        )
        return self.own_share(whole, start)

    def own_share(self, parts: Iterator[Part], start: int = 0) -> Iterator[Part]:
        """Return what this process takes of the ``parts`` of all, from step ``start`` on."""
        return islice(parts, start * self.world * self.parts + self.rank, None, self.world)

    def _groups(self) -> list[int]:
        if not self.aspect_groups:
            return [0] * len(self.positions)
        pictures = self.dataset.pictures
        return [int(pictures[i].width > pictures[i].height) for i in self.positions]

    def _require_sense(self) -> None:
        shares = self.world * self.parts
        rules = (
            ("seed", self.seed, self.seed >= 0, "0 or more"),
            ("workers", self.workers, self.workers >= 0, "0 or more"),
            ("world", self.world, self.world >= 1, "1 or more"),
            ("parts", self.parts, self.parts >= 1, "1 or more"),
            ("rank", self.rank, 0 <= self.rank < self.world, f"0 to {self.world - 1}"),
            (
                "batch",
                self.batch,
                self.batch >= 1 and shares >= 1 and self.batch % shares == 0,
                f"a multiple of {shares}: processes ({self.world}) times parts ({self.parts})",
            ),
        )
        for name, got, fits, expected in rules:
            if not fits:
                raise ConfigError(
                    "a training stream that cannot be cut up",
                    field=name,
                    got=got,
                    expected=expected,
                )


def has_usable_boxes(dataset: Dataset) -> Tensor:
    """Return which ``[P]`` pictures have a box that can be learnt from, without reading any."""
    table = dataset.table
    sides = torch.tensor([(picture.width, picture.height) for picture in dataset.pictures])
    limits = sides.reshape(-1, 2).repeat(1, 2)[table.picture]
    clipped = torch.minimum(table.boxes.clamp(min=0), limits)
    usable = ~table.crowd & has_extent(clipped)
    return torch.bincount(table.picture[usable], minlength=len(dataset.pictures)) > 0


def prepared(source: Picture | ImageSource, resize: Transform, rule: InputRule) -> Batch:
    """Return one picture as a batch for testing; raises ``DataError`` if it cannot be read.

    ``resize`` must leave nothing to chance, like ``ShortSide`` with one side.
    """
    image = source.read() if isinstance(source, Picture) else read_image(source)
    return rule.collate([resize(Sample.of(image), sample_randomness(0, 0))])


def prepared_pictures(
    dataset: Dataset, resize: Transform, rule: InputRule, *, batch: int = 1, workers: int = 0
) -> Iterator[Batch]:
    """Yield all pictures of ``dataset`` in order, ``batch`` at a time, with all their boxes.

    Only the pictures of a few batches are in memory at any time. Raises ``DataError`` naming a
    picture that cannot be read, ``ConfigError`` for a batch without pictures.
    """
    if batch < 1:
        raise ConfigError(
            "no batch can be this small", field="batch", got=batch, expected="1 or more"
        )
    reader = PartReader(SampleReader(dataset), resize, rule, usable_only=False)
    positions = range(len(dataset.pictures))
    parts = (
        [(position, position) for position in positions[first : first + batch]]
        for first in positions[::batch]
    )
    return read_parts(reader, parts, workers=workers)
