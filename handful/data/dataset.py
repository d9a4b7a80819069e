"""A data set: lazy pictures, one table of boxes, one class table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from handful.data.images import ImageSource, read_image, source_path
from handful.errors import DataError
from handful.masks import RunLengths
from handful.structures import Exemplar, Targets
from handful.structures.columns import Columns

Polygons = tuple[tuple[float, ...], ...]
"""The visible parts of one object: flat x1, y1, x2, y2, … lists, pixels."""

Outline = Polygons | RunLengths
"""What is seen of one object; no polygons where that is not known."""


@dataclass(frozen=True)
class Picture:
    """One picture of a data set, not yet read.

    id: the number other files refer to it by. file_name: as the annotation file says it.
    width, height: pixels, after turning by EXIF. source: where the pixels come from
    (a path, a PIL picture, or a function that draws one).
    """

    id: int
    file_name: str
    width: int
    height: int
    source: ImageSource

    @property
    def path(self) -> Path | None:
        """The file the pixels lie in, or None for a picture in memory or drawn."""
        return source_path(self.source)

    def read(self) -> Image.Image:
        """Return the picture as upright RGB.

        Raises ``DataError`` if it cannot be read, or is not of the size its boxes were drawn on.
        """
        image = read_image(self.source)
        if image.size != (self.width, self.height):
            raise self._wrong_size(image)
        return image

    def _wrong_size(self, image: Image.Image) -> DataError:
        turned = image.size == (self.height, self.width)
        return DataError(
            "the picture, turned upright, is not of the size that its annotation says",
            file=self.path or self.file_name,
            got=f"{image.width} x {image.height}",
            expected=f"{self.width} x {self.height}",
            remedy="If its boxes were drawn without turning by EXIF, save it without that tag"
            if turned
            else "Correct width and height in the annotation, or use the picture it was made on",
        )


@dataclass(frozen=True)
class BoxTable(Columns):
    """All boxes of a data set, one row each.

    picture: ``[N]`` int64, position in ``Dataset.pictures``. boxes: ``[N, 4]`` float32, xyxy
    pixels. labels: ``[N]`` int64, 0-based position in ``Dataset.class_names``.
    crowd, difficult: ``[N]`` bool. ids: ``[N]`` int64, the file's own number of the box.
    visible: ``[N, 4]``, which part of each object is seen, where the set says so; its boxes then
    span hidden parts too, and may leave their picture.
    """

    picture: Tensor
    boxes: Tensor
    labels: Tensor
    crowd: Tensor
    difficult: Tensor
    ids: Tensor
    visible: Tensor | None = None

    def __post_init__(self) -> None:
        if self.boxes.ndim != 2 or self.boxes.shape[1] != 4:
            raise DataError(
                "boxes of a BoxTable have the wrong shape",
                got=list(self.boxes.shape),
                expected="[N, 4]",
            )
        self._require_equal_lengths()

    @classmethod
    def of(
        cls,
        picture: Sequence[int],
        boxes: Sequence[Sequence[float]],
        labels: Sequence[int],
        *,
        crowd: Sequence[bool] | None = None,
        difficult: Sequence[bool] | None = None,
        ids: Sequence[int] | None = None,
        visible: Sequence[Sequence[float]] | None = None,
    ) -> BoxTable:
        """Build the table from plain lists; ``ids`` count from 1 unless given."""
        count = len(labels)
        return cls(
            picture=torch.tensor(picture, dtype=torch.long),
            boxes=_corners(boxes),
            labels=torch.tensor(labels, dtype=torch.long),
            crowd=torch.tensor(crowd or [False] * count, dtype=torch.bool),
            difficult=torch.tensor(difficult or [False] * count, dtype=torch.bool),
            ids=torch.tensor(ids or list(range(1, count + 1)), dtype=torch.long),
            visible=None if visible is None else _corners(visible),
        )

    @classmethod
    def joined(cls, tables: Sequence[BoxTable]) -> BoxTable:
        """Return the rows of all ``tables``, at least one, table after table.

        If only some say what is seen of objects, all is seen of those of the others.
        """
        if any(one.visible is not None for one in tables):
            tables = [
                replace(one, visible=one.boxes) if one.visible is None else one for one in tables
            ]
        return cls(
            **{
                name: torch.cat([one._columns()[name] for one in tables])
                for name in tables[0]._columns()
            }
        )


def _corners(boxes: Sequence[Sequence[float]]) -> Tensor:
    return torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)


@dataclass(frozen=True)
class Dataset:
    """Pictures with boxes, whatever format they were read from.

    class_names: position = label. class_ids: the numbers the file uses for them.
    examples: class pictures that come with the set (one-shot sets); empty where the
    boxes themselves are the examples. outlines: visible outline of each box, where known; run
    lengths for those that the file writes as such, like crowds in COCO.
    notes: what reading had to mend or leave out, a sentence each.
    """

    name: str
    pictures: tuple[Picture, ...]
    table: BoxTable
    class_names: tuple[str, ...]
    class_ids: tuple[int, ...] = ()
    examples: tuple[Exemplar, ...] = ()
    outlines: tuple[Outline, ...] | None = None
    notes: tuple[str, ...] = ()
    _rows: dict[int, Tensor] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(set(self.class_names)) != len(self.class_names):
            twice = sorted({n for n in self.class_names if self.class_names.count(n) > 1})
            raise DataError(
                "two classes have one name",
                file=self.name,
                got=", ".join(twice),
                expected="a name a class",
                remedy="Rename or merge them",
            )
        self._require_consistent()
        if not self.class_ids:
            object.__setattr__(self, "class_ids", tuple(range(1, len(self.class_names) + 1)))
        order = torch.argsort(self.table.picture, stable=True)
        counts = torch.bincount(self.table.picture, minlength=len(self.pictures))
        for index, rows in enumerate(order.split(counts.tolist())):
            self._rows[index] = rows

    def _require_consistent(self) -> None:
        lengths = (
            ("class_ids", len(self.class_ids or self.class_names), len(self.class_names)),
            (
                "outlines",
                len(self.table if self.outlines is None else self.outlines),
                len(self.table),
            ),
        )
        for name, got, expected in lengths:
            if got != expected:
                raise DataError(
                    "a data set whose parts do not fit",
                    file=self.name,
                    field=name,
                    got=f"length {got}",
                    expected=f"length {expected}",
                )
        positions = (
            ("picture", self.table.picture, len(self.pictures)),
            ("labels", self.table.labels, len(self.class_names)),
        )
        for name, column, count in positions:
            if len(column) and not 0 <= int(column.min()) <= int(column.max()) < count:
                raise DataError(
                    "a data set whose boxes point nowhere",
                    file=self.name,
                    field=name,
                    got=f"{int(column.min())} to {int(column.max())}",
                    expected=f"positions from 0 to {count - 1}",
                )

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Image.Image, Targets]:
        """Return the picture, read now, and its targets."""
        return self.pictures[index].read(), self.targets(index)

    def __iter__(self) -> Iterator[tuple[Image.Image, Targets]]:
        return (self[index] for index in range(len(self)))

    def rows(self, index: int) -> Tensor:
        """Return the rows of ``table`` that lie on picture ``index``."""
        return self._rows[index]

    def targets(self, index: int) -> Targets:
        """Return what is known about picture ``index``, without reading it."""
        picture = self.pictures[index]
        rows = self.table[self.rows(index)]
        return Targets(
            boxes=rows.boxes,
            labels=rows.labels,
            crowd=rows.crowd,
            difficult=rows.difficult,
            image_size=(picture.height, picture.width),
        )

    def exemplars(self) -> tuple[Exemplar, ...]:
        """Return the examples of each class: the set's own, else every plain box as one."""
        if self.examples:
            return self.examples
        return tuple(
            Exemplar(
                name=self.class_names[label],
                image=self.pictures[picture].source,
                box=(box[0], box[1], box[2], box[3]),
            )
            for picture, box, label, crowd in zip(
                self.table.picture.tolist(),
                self.table.boxes.tolist(),
                self.table.labels.tolist(),
                self.table.crowd.tolist(),
                strict=True,
            )
            if not crowd
        )

    def subset(self, pictures: Sequence[int]) -> Dataset:
        """Return the set with only these pictures (positions), in this order, same classes."""
        rows = [self.rows(i) for i in pictures]
        keep = torch.cat(rows) if rows else torch.zeros(0, dtype=torch.long)
        counts = torch.tensor([len(some) for some in rows], dtype=torch.long)
        table = replace(
            self.table[keep], picture=torch.repeat_interleave(torch.arange(len(rows)), counts)
        )
        return replace(
            self,
            pictures=tuple(self.pictures[i] for i in pictures),
            table=table,
            outlines=None
            if self.outlines is None
            else tuple(self.outlines[i] for i in keep.tolist()),
        )
