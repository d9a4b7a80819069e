"""Data sets made of records, and parts of data sets."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from drawn_set import drawn_set

from handful.data.splits import keep_classes
from handful.data.splits.records import joined
from handful.errors import DataError

ROWS = [(n % 4, n % 3) for n in range(13)]


def test_other_classes_become_background():
    dataset = drawn_set(ROWS, difficult=[n == 2 for n in range(13)])
    kept = keep_classes(dataset, ["pen", "cup"])
    assert kept.pictures == dataset.pictures
    assert (kept.class_names, kept.class_ids) == (("pen", "cup"), (8, 3))
    rows = (dataset.table.labels != 1).nonzero()[:, 0]
    assert torch.equal(kept.table.ids, dataset.table.ids[rows])
    assert torch.equal(kept.table.boxes, dataset.table.boxes[rows])
    assert torch.equal(kept.table.picture, dataset.table.picture[rows])
    names = [dataset.class_names[n] for n in dataset.table.labels[rows].tolist()]
    assert [kept.class_names[n] for n in kept.table.labels.tolist()] == names
    assert kept.table.difficult.sum() == 1


def test_an_unknown_class_is_refused():
    with pytest.raises(DataError, match="Did you mean 'pen'"):
        keep_classes(drawn_set(ROWS), ["pens"])


def test_sets_are_joined_one_after_the_other():
    first, second = drawn_set(ROWS), drawn_set(ROWS[:2])
    both = joined([first, second], name="both")
    assert both.name == "both"
    assert both.pictures == first.pictures + second.pictures
    counts = [len(both.rows(n)) for n in range(len(both.pictures))]
    assert counts == [len(s.rows(n)) for s in (first, second) for n in range(len(s.pictures))]
    assert torch.equal(both.targets(5).boxes, second.targets(1).boxes)


def test_joined_sets_keep_outlines_hidden_parts_and_notes():
    plain = replace(drawn_set(ROWS[:3]), notes=("turned",))
    seen = plain.table.boxes / 2
    outline = ((1.0, 1.0, 9.0, 1.0, 9.0, 9.0),)
    outlined = replace(
        plain,
        table=replace(plain.table, visible=seen),
        outlines=(outline,) * 3,
        notes=("turned", "clipped"),
    )
    both = joined([plain, outlined], name="both")
    assert both.outlines == ((),) * 3 + (outline,) * 3
    assert both.table.visible is not None
    assert torch.equal(both.table.visible, torch.cat([plain.table.boxes, seen]))
    assert both.class_ids == plain.class_ids
    assert both.notes == ("turned", "clipped")
    assert joined([plain, plain], name="both").outlines is None


def test_sets_of_other_classes_are_not_joined():
    other = drawn_set(ROWS, class_names=("a", "b", "c"))
    with pytest.raises(DataError, match="cannot be joined"):
        joined([drawn_set(ROWS), other], name="both")
