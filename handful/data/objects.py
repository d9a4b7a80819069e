"""Objects of a data set, cut out one by one beside the pictures that a run learns from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field, replace

import torch

from handful.data.dataset import Dataset
from handful.data.loader import TrainingStream
from handful.data.order import OBJECTS, Part, grouped_parts, sample_randomness
from handful.data.reading import PartReader, SampleReader, read_parts
from handful.data.transforms import InputRule
from handful.data.transforms.object_pyramid import ObjectPyramid, can_be_shown
from handful.errors import ConfigError, DataError
from handful.structures import Batch, ObjectCrops

TwinPart = tuple[Part, Part]
"""The pictures of a batch, and the objects beside them."""


def single_objects(dataset: Dataset, *, smallest: float = 0.0) -> Dataset:
    """Return the objects of ``dataset`` as records of one object each, in its order.

    smallest: pixels that both sides of an object must have. Crowd regions and boxes that leave
    nothing to show are never among them; ``notes`` name classes that lose all of theirs. Raises
    ``DataError`` if no object is left.
    """
    table = dataset.table
    sides = table.boxes[:, 2:] - table.boxes[:, :2]
    kept = ~table.crowd & can_be_shown(table.boxes) & (sides >= smallest).all(dim=1)
    rows = torch.cat([dataset.rows(at) for at in range(len(dataset))] or [torch.zeros(0).long()])
    rows = rows[kept[rows]]
    if not len(rows):
        longest = sides.amax().item() if len(table) else 0.0
        raise DataError(
            "no object is large enough to be cut out",
            file=dataset.name,
            got=f"{len(table)} boxes, the longest side {longest:g}",
            expected=f"one with both sides of {smallest:g} pixels or more, and an area",
            remedy="Show larger objects, or learn from whole pictures alone",
        )
    lost = set(table.labels.tolist()) - set(table.labels[rows].tolist())
    notes = [
        f"all objects of class '{dataset.class_names[label]}' are too small to be cut out"
        for label in sorted(lost)
    ]
    outlines = dataset.outlines
    return replace(
        dataset,
        pictures=tuple(dataset.pictures[at] for at in table.picture[rows].tolist()),
        table=replace(table[rows], picture=torch.arange(len(rows))),
        outlines=None if outlines is None else tuple(outlines[row] for row in rows.tolist()),
        notes=(*dataset.notes, *notes),
    )


@dataclass(frozen=True)
class TwinReader:
    """Reads pictures, and beside them objects of others; cheap to send to another process.

    objects: of records with one object each. Their boxes are not clipped to the picture.
    """

    pictures: PartReader
    objects: SampleReader
    pyramid: ObjectPyramid
    rule: InputRule
    seed: int

    def batch(self, part: TwinPart) -> Batch:
        """Return the batch of a part; raises ``DataError`` naming a picture that is bad."""
        pictures, objects = part
        return replace(self.pictures.batch(pictures), crops=self.crops(objects))

    def crops(self, part: Part) -> ObjectCrops:
        """Return the objects of a part at every size of the pyramid."""
        samples = [self.objects.read(position) for _, position in part]
        shown = [
            self.pyramid(sample, sample_randomness(self.seed, number, stream=OBJECTS))
            for sample, (number, _) in zip(samples, part, strict=True)
        ]
        scales = tuple(
            torch.empty(len(part), 3, size, size, dtype=torch.float32)
            for size in self.pyramid.sizes
        )
        for canvas, images in zip(scales, zip(*shown, strict=True), strict=True):
            for row, image in zip(canvas, images, strict=True):
                self.rule.normalise_into(row, image)
        return ObjectCrops(scales, torch.cat([sample.targets.labels for sample in samples]))


@dataclass(frozen=True)
class ObjectStream:
    """``pictures`` with ``objects`` cut out beside them in every batch: a second endless stream.

    objects: records of one object each, see ``single_objects``; shuffled anew in each pass, a
    function of the pictures' seed alone, and shared out as the pictures are. batch: objects a
    step, over all processes and parts. Raises ``ConfigError`` for a number that cannot be shared
    out, ``DataError`` for records without exactly one object.
    """

    pictures: TrainingStream
    objects: Dataset
    pyramid: ObjectPyramid
    _: KW_ONLY
    batch: int
    reader: TwinReader = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shares = self.pictures.world * self.pictures.parts
        if self.batch < 1 or self.batch % shares:
            raise ConfigError(
                "objects that cannot be shared out",
                field="batch",
                got=self.batch,
                expected=f"a multiple of {shares}: processes times parts",
            )
        counts = {len(self.objects.rows(at)) for at in range(len(self.objects))}
        if counts != {1}:
            raise DataError(
                "every record must hold one object",
                file=self.objects.name,
                got=f"{sorted(counts)} objects",
                expected="1",
            )
        pictures = self.pictures
        reader = TwinReader(
            pictures.reader, SampleReader(self.objects), self.pyramid, pictures.rule, pictures.seed
        )
        object.__setattr__(self, "reader", reader)

    @property
    def dataset(self) -> Dataset:
        """The data set of the pictures."""
        return self.pictures.dataset

    @property
    def parts(self) -> int:
        """Batches a step."""
        return self.pictures.parts

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Yield the batches from step ``start`` on; what comes before is counted, not read."""
        pictures = self.pictures
        plan = zip(pictures.plan(start), self.plan(start), strict=True)
        return read_parts(
            self.reader, plan, workers=pictures.workers, start_method=pictures.start_method
        )

    def plan(self, start: int = 0) -> Iterator[Part]:
        """Yield which objects each batch of this process shows, from step ``start`` on."""
        whole = grouped_parts(
            range(len(self.objects)),
            [0] * len(self.objects),
            size=self.batch // (self.pictures.world * self.pictures.parts),
            seed=self.pictures.seed,
            stream=OBJECTS,
        )
        return self.pictures.own_share(whole, start)
