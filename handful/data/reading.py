"""Reading the pictures of a data set as samples and batches, in this process or in others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as Source

from handful.data.dataset import Dataset, Picture
from handful.data.object_masks import drawn_masks, required_outlines
from handful.data.order import Part, sample_randomness
from handful.data.transforms import InputRule, Sample, Transform, usable_targets
from handful.errors import DataError, HandfulError
from handful.structures import Batch, ObjectCrops, Targets

AnyPart = TypeVar("AnyPart", contravariant=True)


class BatchReader(Protocol[AnyPart]):
    """Makes batches of parts; cheap to send to another process."""

    def batch(self, part: AnyPart, /) -> Batch:
        """Return the batch of a part; raises ``DataError`` naming a picture that is bad."""
        ...


_COLUMNS = ("boxes", "labels", "crowd", "difficult")
_READ_AHEAD = 2
"""Parts that each process has ready or under way: what bounds the memory of reading ahead."""


class SampleReader:
    """Reads pictures of a data set with their boxes, one at a time and only when asked.

    It holds the boxes as numpy arrays: a tensor that is sent to another process costs an open
    file, and a data set keeps one a picture. masks: whether the pixels of objects are drawn as
    well; raises ``DataError`` then unless all have an outline.
    """

    def __init__(self, dataset: Dataset, *, masks: bool = False) -> None:
        order = torch.argsort(dataset.table.picture, stable=True)
        table = dataset.table[order]
        counts = torch.bincount(table.picture, minlength=len(dataset.pictures))
        self.pictures = dataset.pictures
        self._starts = numpy.concatenate([[0], counts.cumsum(0).numpy()])
        self._columns = {name: getattr(table, name).numpy() for name in _COLUMNS}
        self._columns["rows"] = order.numpy()
        self._outlines = required_outlines(dataset) if masks else None

    def read(self, position: int) -> Sample:
        """Return picture ``position`` with all its boxes; raises ``DataError`` naming its file."""
        picture = self.pictures[position]
        rows = slice(self._starts[position], self._starts[position + 1])
        columns = {
            name: torch.from_numpy(values[rows].copy()) for name, values in self._columns.items()
        }
        size = (picture.height, picture.width)
        masks = None
        if self._outlines is not None:
            outlines = [self._outlines[row] for row in columns["rows"].tolist()]
            masks = drawn_masks(outlines, columns["boxes"], size)
        targets = Targets(**columns, image_size=size, masks=masks)
        return Sample.of(_pixels(picture), targets, picture=position)


@dataclass(frozen=True)
class PartReader:
    """Reads, changes and collates the samples of a part; cheap to send to another process.

    usable_only: whether crowd regions and boxes without area are left out.
    """

    samples: SampleReader
    transform: Transform
    rule: InputRule
    seed: int = 0
    usable_only: bool = True

    def batch(self, part: Part) -> Batch:
        """Return the batch of a part; raises ``DataError`` naming a picture that is bad."""
        return self.rule.collate([self._sample(number, position) for number, position in part])

    def _sample(self, number: int, position: int) -> Sample:
        sample = self._filtered(self.samples.read(position))
        changed = self._filtered(self.transform(sample, sample_randomness(self.seed, number)))
        return replace(changed, targets=replace(changed.targets, rows=None))

    def _filtered(self, sample: Sample) -> Sample:
        if not self.usable_only:
            return sample
        return replace(sample, targets=usable_targets(sample.targets))


def read_parts(
    reader: BatchReader[AnyPart],
    parts: Iterable[AnyPart],
    *,
    workers: int = 0,
    start_method: str | None = None,
) -> Iterator[Batch]:
    """Yield the batches of ``parts`` in order, read ahead by ``workers`` processes, or by none.

    start_method: "fork", "spawn" or "forkserver" (None: the platform's own). Random generators
    of the whole process are neither read nor moved. Raises what reading raises.
    """
    if not workers:
        yield from map(reader.batch, parts)
        return
    loader = DataLoader(
        _PackedParts(reader),
        batch_size=None,
        sampler=parts,
        num_workers=workers,
        collate_fn=_unchanged,
        prefetch_factor=_READ_AHEAD,
        multiprocessing_context=start_method,
        generator=torch.Generator(),
    )
    for packed in loader:
        if isinstance(packed, HandfulError):
            raise packed
        yield packed.batch()


@dataclass(frozen=True)
class _PackedBatch:
    """A batch on its way between processes: pixels are shared, the rest is copied.

    crops: all scales as one row of values, because each shared tensor costs an open file.
    """

    images: Tensor
    sizes: numpy.ndarray
    tables: tuple[dict[str, numpy.ndarray], ...]
    others: dict[str, Any]
    crops: Tensor | None = None
    crop_shapes: tuple[torch.Size, ...] = ()
    crop_labels: numpy.ndarray | None = None

    @classmethod
    def of(cls, batch: Batch) -> _PackedBatch:
        packed = cls(
            batch.images,
            batch.sizes.numpy(),
            tuple(map(_packed_targets, batch.targets)),
            {"originals": batch.originals, "pictures": batch.pictures},
        )
        if batch.crops is None:
            return packed
        return replace(
            packed,
            crops=torch.cat([one.flatten() for one in batch.crops.pictures]),
            crop_shapes=tuple(one.shape for one in batch.crops.pictures),
            crop_labels=batch.crops.labels.numpy(),
        )

    def batch(self) -> Batch:
        targets = tuple(
            _unpacked_targets(table, (int(height), int(width)))
            for table, (height, width) in zip(self.tables, self.sizes, strict=True)
        )
        return Batch(
            self.images,
            torch.from_numpy(self.sizes),
            targets,
            crops=self._object_crops(),
            **self.others,
        )

    def _object_crops(self) -> ObjectCrops | None:
        if self.crops is None or self.crop_labels is None:
            return None
        rows = self.crops.split([shape.numel() for shape in self.crop_shapes])
        return ObjectCrops(
            tuple(row.view(shape) for row, shape in zip(rows, self.crop_shapes, strict=True)),
            torch.from_numpy(self.crop_labels),
        )


def _packed_targets(targets: Targets) -> dict[str, numpy.ndarray]:
    table = {name: getattr(targets, name).numpy() for name in _COLUMNS}
    if targets.masks is not None:
        table["masks"] = numpy.packbits(targets.masks.numpy())
    return table


def _unpacked_targets(table: dict[str, numpy.ndarray], size: tuple[int, int]) -> Targets:
    columns = {name: torch.from_numpy(table[name]) for name in _COLUMNS}
    masks = None
    if "masks" in table:
        shape = (len(table["labels"]), *size)
        bits = numpy.unpackbits(table["masks"], count=math.prod(shape))
        masks = torch.from_numpy(bits.reshape(shape)).bool()
    return Targets(**columns, image_size=size, masks=masks)


class _PackedParts(Source):
    """What a reading process runs: errors are handed over, so that they arrive as they were."""

    def __init__(self, reader: BatchReader[Any]) -> None:
        self.reader = reader

    def __getitem__(self, part: Any) -> _PackedBatch | HandfulError:
        try:
            return _PackedBatch.of(self.reader.batch(part))
        except HandfulError as error:
            return error


def _unchanged(packed: Any) -> Any:
    return packed


def _pixels(picture: Picture) -> Image.Image:
    try:
        return picture.read()
    except HandfulError:
        raise
    except Exception as error:  # a drawn picture may fail in any way its function can
        raise DataError(
            "the picture cannot be read",
            file=picture.path or picture.file_name,
            got=f"{type(error).__name__}: {error}",
            remedy="Replace it, or take it out of the annotation",
        ) from error
