from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
from drawn_set import drawn_set
from exported_detector import lite_card

from handful.errors import DataError
from handful.export.outputs import RawPicture, read_raw, write_raw
from handful.export.prepare import plan

CARD = lite_card()
PICTURE = plan(drawn_set([(0, 0)]), CARD).as_outputs(CARD, graph="").pictures[0]


def columns(count: int = 2, **changes) -> dict:
    plain = {
        "boxes": numpy.ones((count, 4), numpy.float32),
        "scores": numpy.full(count, 0.5, numpy.float32),
        "labels": numpy.zeros(count, numpy.int64),
        "seconds": 0.25,
    }
    return {**plain, **changes}


@pytest.mark.parametrize("count", [0, 2])
def test_raw_outputs_come_back(tmp_path, count):
    raw = RawPicture(**columns(count))
    write_raw(tmp_path / PICTURE.file, raw)
    again = read_raw(tmp_path, PICTURE, CARD)
    assert again.seconds == 0.25
    for one, other in zip(raw[:3], again[:3], strict=True):
        assert (one == other).all() and one.dtype == other.dtype


MASKED = replace(CARD, masks=True)
HEIGHT, WIDTH = (-(-side // 4) for side in PICTURE.size)


def masks(count: int = 2, height: int = HEIGHT, width: int = WIDTH):
    return numpy.full((count, height, width), 127, numpy.uint8)


@pytest.mark.parametrize("count", [0, 2])
def test_masks_come_back_in_steps(tmp_path, count):
    chances = numpy.random.default_rng(0).random((count, HEIGHT + 8, WIDTH), numpy.float32)
    write_raw(tmp_path / PICTURE.file, RawPicture(**columns(count), masks=chances))
    again = read_raw(tmp_path, PICTURE, MASKED).masks
    assert again is not None and again.dtype == numpy.float32 and again.shape == chances.shape
    assert numpy.abs(again - chances).max(initial=0) <= 0.5 / 255 + 1e-6
    assert ((again > 0.5) == (chances > 0.5)).all()


def test_a_mask_takes_a_byte_a_cell_at_most(tmp_path):
    rows = RawPicture(**columns(), masks=numpy.ones((2, 500, 500), numpy.float32))
    write_raw(tmp_path / PICTURE.file, rows)
    with numpy.load(tmp_path / PICTURE.file) as stored:
        assert stored["masks"].dtype == numpy.uint8
    assert (tmp_path / PICTURE.file).stat().st_size < 10_000


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"masks": masks(3)},
        {"masks": masks(height=HEIGHT - 1)},
        {"masks": masks(width=WIDTH - 1)},
        {"masks": masks()[0]},
        {"masks": numpy.uint8(3)},
        {"masks": masks().astype(numpy.float32)},
    ],
    ids=["none", "rows", "height", "width", "one alone", "a number", "type"],
)
def test_masks_that_no_graph_gave_are_refused(tmp_path, changes):
    file = tmp_path / PICTURE.file
    file.parent.mkdir()
    numpy.savez(file, **columns(**changes))
    with pytest.raises(DataError, match=r"masks.*outputs/10\.npz|outputs/10\.npz.*masks"):
        read_raw(tmp_path, PICTURE, MASKED)


class Trap:
    def __reduce__(self):
        raise AssertionError("pickled")


@pytest.mark.parametrize(
    "changes",
    [
        {"boxes": numpy.ones((2, 3), numpy.float32)},
        {"boxes": numpy.ones((3, 4), numpy.float32)},
        {"boxes": numpy.full((2, 4), numpy.nan, numpy.float32)},
        {"scores": numpy.array(0.5)},
        {"scores": numpy.array([1, 2])},
        {"labels": numpy.array([0, 3])},
        {"labels": numpy.array([0, -1])},
        {"labels": numpy.array([0.0, 1.0])},
        {"seconds": numpy.array(["soon"])},
        {"labels": numpy.array([{"a": 1}, None], dtype=object)},
    ],
    ids=[
        "columns",
        "rows",
        "nan",
        "no list",
        "whole scores",
        "class",
        "negative",
        "fractions",
        "time",
        "pickle",
    ],
)
def test_what_no_graph_gave_is_refused(tmp_path, changes):
    file = tmp_path / PICTURE.file
    file.parent.mkdir()
    numpy.savez(file, allow_pickle=True, **columns(**changes))
    with pytest.raises(DataError, match=r"outputs/10\.npz"):
        read_raw(tmp_path, PICTURE, CARD)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 torn", b"\x80\x04pickle"])
def test_a_missing_or_damaged_file_is_named(tmp_path, content):
    file = tmp_path / PICTURE.file
    file.parent.mkdir()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DataError, match="export-run infer"):
        read_raw(tmp_path, PICTURE, CARD)
