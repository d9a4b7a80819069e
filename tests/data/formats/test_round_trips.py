"""Whatever is written reads back the same, as far as the format holds it."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.formats import FORMATS, detect_format, read_dataset, write_dataset

PIXEL = 2e-3
"""Pixels; formats write decimals or fractions of the picture's side."""

NAMES = st.text(
    st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=12
).map(str.strip)


@st.composite
def boxes_inside(draw, width: int, height: int) -> list[float]:
    """Return a box whose corners lie on a fine grid."""
    lefts = st.integers(0, 16 * width - 16)
    left, top = draw(lefts), draw(st.integers(0, 16 * height - 16))
    right = draw(st.integers(left + 16, 16 * width))
    bottom = draw(st.integers(top + 16, 16 * height))
    return [left / 16, top / 16, right / 16, bottom / 16]


@st.composite
def datasets(draw) -> Dataset:
    """Return a data set of up to three tiny pictures in memory and up to three classes."""
    names = draw(
        st.lists(NAMES.filter(bool), min_size=1, max_size=3, unique_by=lambda n: n.casefold())
    )
    ids = draw(st.lists(st.integers(0, 99), min_size=len(names), max_size=len(names), unique=True))
    numbers = draw(st.lists(st.integers(0, 10**6), min_size=1, max_size=3, unique=True))
    pictures, picture, boxes = [], [], []
    for index, number in enumerate(numbers):
        width, height = draw(st.integers(2, 24)), draw(st.integers(2, 24))
        image = Image.new("RGB", (width, height), (index * 40, 100, 7))
        pictures.append(Picture(number, f"part{index}/a.png", width, height, image))
        for box in draw(st.lists(boxes_inside(width, height), max_size=3)):
            picture.append(index)
            boxes.append(box)
    count = len(boxes)
    flags = st.lists(st.booleans(), min_size=count, max_size=count)
    labels = st.lists(st.integers(0, len(names) - 1), min_size=count, max_size=count)
    row_ids = st.lists(st.integers(0, 10**6), min_size=count, max_size=count, unique=True)
    outlines = tuple(((b[0], b[1], b[2], b[1], b[2], b[3]),) for b in boxes)
    return Dataset(
        name="drawn",
        pictures=tuple(pictures),
        table=BoxTable.of(
            picture,
            boxes,
            draw(labels),
            crowd=draw(flags),
            difficult=draw(flags),
            ids=draw(row_ids),
        ),
        class_names=tuple(names),
        class_ids=tuple(sorted(ids)),
        outlines=outlines if count and draw(st.booleans()) else None,
    )


def round_trip(dataset: Dataset, format: str) -> Dataset:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / ("out.json" if format == "coco" else "out")
        write_dataset(dataset, place, format=format)
        assert detect_format(place) == format
        again = read_dataset(place, format=format)
        read = [picture.read() for picture in again.pictures]
        leftovers = {path.name for path in Path(folder).iterdir()}
    assert leftovers <= {"out", "out.json", "images"}
    if format != "crops":
        assert [image.getpixel((0, 0)) for image in read] == [
            picture.read().getpixel((0, 0)) for picture in dataset.pictures
        ]
    return again


def objects(dataset: Dataset, keep: torch.Tensor | None = None) -> list[list[tuple]]:
    """Return name, corners and marks of the boxes on each picture, in the table's order."""
    marks = dataset.table.crowd | dataset.table.difficult
    found = []
    for index in range(len(dataset)):
        rows = dataset.rows(index)
        rows = rows if keep is None else rows[keep[rows]]
        found.append(
            [
                (dataset.class_names[int(dataset.table.labels[row])], row, bool(marks[row]))
                for row in rows
            ]
        )
    return found


def assert_same_objects(got: Dataset, expected: Dataset, *, keep=None, marks: bool) -> None:
    pairs = zip(objects(got), objects(expected, keep), strict=True)
    for ours, theirs in pairs:
        assert [name for name, *_ in ours] == [name for name, *_ in theirs]
        if marks:
            assert [mark for *_, mark in ours] == [mark for *_, mark in theirs]
        for (_, row, _), (_, other, _) in zip(ours, theirs, strict=True):
            torch.testing.assert_close(
                got.table.boxes[row], expected.table.boxes[other], atol=PIXEL, rtol=0
            )


some = settings(max_examples=25, deadline=None)


@some
@given(datasets())
def test_coco(dataset):
    again = round_trip(dataset, "coco")
    assert_same_objects(again, dataset, marks=True)
    for column in ("labels", "crowd", "difficult", "ids"):
        assert torch.equal(getattr(again.table, column), getattr(dataset.table, column)), column
    assert again.class_names == dataset.class_names
    assert again.class_ids == dataset.class_ids
    assert again.outlines == dataset.outlines
    for ours, theirs in zip(again.pictures, dataset.pictures, strict=True):
        assert (ours.id, ours.width, ours.height) == (theirs.id, theirs.width, theirs.height)


@some
@given(datasets())
def test_voc(dataset):
    again = round_trip(dataset, "voc")
    assert_same_objects(again, dataset, marks=True)
    used = {dataset.class_names[label] for label in dataset.table.labels.tolist()}
    assert again.class_names == tuple(sorted(used))


@some
@given(datasets())
def test_yolo(dataset):
    again = round_trip(dataset, "yolo")
    assert_same_objects(again, dataset, keep=~dataset.table.crowd, marks=False)
    assert again.class_names == dataset.class_names


@some
@given(datasets())
def test_labelme(dataset):
    again = round_trip(dataset, "labelme")
    assert_same_objects(again, dataset, marks=True)
    assert torch.equal(again.table.crowd, dataset.table.crowd[in_picture_order(dataset)])
    used = {dataset.class_names[label] for label in dataset.table.labels.tolist()}
    assert again.class_names == tuple(sorted(used))
    if dataset.outlines is None:
        assert again.outlines is None
    elif again.outlines is not None:
        expected = [dataset.outlines[row] for row in in_picture_order(dataset).tolist()]
        assert list(again.outlines) == expected


def in_picture_order(dataset: Dataset) -> torch.Tensor:
    return torch.cat([dataset.rows(index) for index in range(len(dataset))])


@some
@given(datasets())
def test_os2d_csv(dataset):
    if not len(dataset.table):
        return
    again = round_trip(dataset, "os2d-csv")
    assert_same_objects(again, dataset, marks=True)
    assert torch.equal(again.table.ids.sort().values, dataset.table.ids.sort().values)
    assert [picture.id for picture in again.pictures] == [p.id for p in dataset.pictures]
    ids = dict(zip(dataset.class_names, dataset.class_ids, strict=True))
    assert {name: ids[name] for name in again.class_names} == dict(
        zip(again.class_names, again.class_ids, strict=True)
    )
    assert {example.name for example in again.examples} == set(again.class_names)


@some
@given(datasets())
def test_odgt(dataset):
    people = replace(
        dataset,
        class_names=("person",),
        class_ids=(),
        table=replace(dataset.table, labels=torch.zeros_like(dataset.table.labels)),
    )
    again = round_trip(people, "odgt")
    order = in_picture_order(people)
    for column in ("picture", "boxes", "crowd"):
        assert torch.equal(getattr(again.table, column), getattr(people.table, column)[order])


@some
@given(datasets())
def test_crops(dataset):
    exemplars = dataset.exemplars()
    if not exemplars:
        return
    again = round_trip(dataset, "crops")
    assert sorted(e.name for e in again.examples) == sorted(e.name for e in exemplars)
    for index, picture in enumerate(again.pictures):
        assert again.targets(index).boxes.tolist() == [[0, 0, picture.width, picture.height]]
    sizes = sorted((e.name, *rounded_size(e.box)) for e in exemplars)
    labels = [again.class_names[label] for label in again.table.labels.tolist()]
    got = sorted((n, p.width, p.height) for n, p in zip(labels, again.pictures, strict=True))
    assert got == sizes


def rounded_size(box) -> tuple[int, int]:
    left, top, right, bottom = map(round, box)
    return max(1, right - left), max(1, bottom - top)


def test_every_format_that_is_written_is_tested_here():
    written = {name for name, format in FORMATS.items() if format.write is not None}
    assert written == {"coco", "voc", "yolo", "labelme", "os2d-csv", "odgt", "crops"}
