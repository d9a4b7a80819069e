"""Run lengths that files may hold, and those that cannot be."""

from __future__ import annotations

import numpy
import pytest

from handful.errors import DataError
from handful.masks import RunLengths, RunTable


def test_counts_come_back():
    counts = [3, 5, 2, 100_000, 7, 1, 99_982]
    runs = RunLengths.of_counts(counts, (100, 2000))
    assert runs.counts().tolist() == counts
    assert runs.area() == 5 + 100_000 + 1


FAULTY = {
    "no text": ("", "cannot be decoded|another size"),
    "other characters": ("~~~", "cannot be decoded"),
    "letters of no alphabet": ("é", "cannot be decoded"),
    "spaces": ("  ", "cannot be decoded"),
    "a number cut off": ("`", "cannot be decoded"),
    "an endless number": ("`" * 20 + "0", "cannot be decoded"),
    "too few pixels": ("5", "another size"),
    "too many pixels": ("o]", "another size|cannot be"),
}


@pytest.mark.parametrize("kind", FAULTY)
def test_what_is_no_mask_of_the_picture_is_refused(kind):
    text, words = FAULTY[kind]
    good = RunLengths.of(numpy.eye(4, dtype=bool))
    with pytest.raises(DataError, match=words):
        RunLengths((4, 4), text).mask()
    with pytest.raises(DataError, match=r"field 'mask 1'"):
        RunTable.of([good, RunLengths((4, 4), text), good])


def test_negative_lengths_are_refused():
    with pytest.raises(DataError, match="got -3, expected 0 or more"):
        RunLengths.of_counts([10, -3, 9], (4, 4)).mask()


def test_no_masks_make_an_empty_table():
    table = RunTable.of([])
    nothing = numpy.zeros(0, dtype=numpy.int64)
    assert (len(table), table.area().tolist(), table.boxes_xywh().tolist()) == (0, [], [])
    assert table.shared_with(table, nothing, nothing).tolist() == []


def test_pictures_of_different_sizes_are_not_compared():
    tables = [RunTable.of([RunLengths.of(numpy.ones(size, bool))]) for size in ((4, 5), (5, 4))]
    with pytest.raises(DataError, match="different sizes.*got 5 x 4, expected 4 x 5"):
        tables[0].shared_with(tables[1], numpy.array([0]), numpy.array([0]))


def test_masks_of_a_table_are_those_of_its_runs():
    random, size = numpy.random.default_rng(6), (9, 13)
    masks = [random.random(size) < share for share in (0.0, 0.05, 0.5, 1.0)]
    masks[1][:, :5] = masks[1][:, 9:] = False
    table = RunTable.of([RunLengths.of(one) for one in masks])
    assert numpy.array_equal(table.masks(size), numpy.stack(masks))
    assert RunTable.of([]).masks(size).shape == (0, *size)


def test_masks_of_a_picture_of_another_size_are_not_stacked():
    table = RunTable.of([RunLengths.of(numpy.ones(size, bool)) for size in ((4, 5), (5, 4))])
    with pytest.raises(DataError, match="mask 1.*got 4 x 5, expected 5 x 4"):
        table.masks((4, 5))
