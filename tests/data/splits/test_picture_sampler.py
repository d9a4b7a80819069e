"""A few annotated pictures of any data set."""

from __future__ import annotations

import pytest
from drawn_set import drawn_set
from hypothesis import given, settings
from hypothesis import strategies as some

from handful.data.dataset import Dataset
from handful.data.splits import (
    ShotManifest,
    dataset_from_manifest,
    named_pictures,
    sample_pictures,
)
from handful.errors import ConfigError, DataError

CLASSES = 3
BOXES = some.lists(
    some.tuples(some.integers(0, 9), some.integers(0, CLASSES - 1), some.integers(0, 9)),
    min_size=1,
    max_size=40,
)
"""(picture, label, kind): kind 0 is a crowd, kind 1 is difficult, others are plain."""


def set_of(boxes) -> Dataset:
    return drawn_set(
        [(picture, label) for picture, label, _ in boxes],
        crowd=[kind == 0 for _, _, kind in boxes],
        difficult=[kind == 1 for _, _, kind in boxes],
    )


def pictures_of(manifest: ShotManifest) -> set[str]:
    return {box.file_name for box in manifest.boxes}


@settings(deadline=None, max_examples=40)
@given(boxes=BOXES, seed=some.integers(0, 2**40), count=some.integers(1, 8))
def test_whole_annotated_pictures_are_drawn_with_all_their_boxes(boxes, seed, count):
    dataset = set_of(boxes)
    annotated = {picture for picture, _, kind in boxes if kind > 1}
    if not annotated:
        return
    manifest = sample_pictures(dataset, (count,), seed=seed, allow_fewer=True)[count]
    chosen = {int(name.removesuffix(".png")) for name in pictures_of(manifest)}
    assert chosen <= annotated
    assert len(chosen) == min(count, len(annotated))
    support = dataset_from_manifest(dataset, manifest)
    whole = dataset.subset(sorted(chosen))
    assert support.table.ids.tolist() == whole.table.ids.tolist()
    assert support.table.crowd.tolist() == whole.table.crowd.tolist()
    assert manifest == sample_pictures(dataset, (count,), seed=seed, allow_fewer=True)[count]


@settings(deadline=None, max_examples=40)
@given(boxes=BOXES, seed=some.integers(0, 2**40))
def test_every_class_is_shown_if_there_are_as_many_pictures(boxes, seed):
    there = {label for _, label, kind in boxes if kind > 1}
    if not there:
        return
    dataset = set_of(boxes)
    manifest = sample_pictures(dataset, (CLASSES,), seed=seed, allow_fewer=True)[CLASSES]
    plain = {100 + n for n, (_, _, kind) in enumerate(boxes) if kind > 1}
    shown = {box.class_name for box in manifest.boxes if box.id in plain}
    assert shown == {dataset.class_names[label] for label in there}


@pytest.mark.parametrize("seed", range(8))
def test_one_picture_that_shows_all_is_found_where_only_one_is_asked_for(seed):
    rows = [(0, 0), (0, 1), *((n, n % 2) for n in range(1, 9)), (9, 0), (9, 1), (9, 2), (10, 2)]
    manifest = sample_pictures(drawn_set(rows), (1,), seed=seed)[1]
    assert pictures_of(manifest) == {"9.png"}


def test_the_rarest_class_draws_first_and_seeds_differ():
    dataset = drawn_set([(n, n % 2) for n in range(30)] + [(30, 2), (31, 2)])
    drawn = [pictures_of(sample_pictures(dataset, (3,), seed=n)[3]) for n in range(20)]
    assert all(some & {"30.png", "31.png"} for some in drawn)
    assert len({frozenset(some) for some in drawn}) > 15


def test_smaller_sets_lie_in_larger_ones():
    drawn = sample_pictures(drawn_set([(n, n % 3) for n in range(40)]), (3, 8, 10), seed=4)
    assert pictures_of(drawn[3]) < pictures_of(drawn[8]) < pictures_of(drawn[10])
    assert [len(pictures_of(manifest)) for manifest in drawn.values()] == [3, 8, 10]


def test_only_boxes_of_the_classes_asked_for_are_kept():
    dataset = drawn_set([(0, 0), (0, 1), (1, 0), (2, 2)], crowd=[False, True, False, False])
    manifest = sample_pictures(dataset, (2,), seed=0, classes=("key", "cup"))[2]
    assert (manifest.class_names, manifest.class_ids) == (("key", "cup"), (5, 3))
    assert [(box.id, box.extra) for box in manifest.boxes] == [
        (100, False),
        (101, True),
        (102, False),
    ]
    assert manifest.counts() == {"key": 0, "cup": 2}


def test_the_manifest_says_that_pictures_were_counted():
    manifest = sample_pictures(drawn_set([(0, 0)]), (1,), seed=7)[1]
    assert (manifest.unit, manifest.shots, manifest.seed) == ("pictures", 1, 7)
    assert ShotManifest.from_json(manifest.to_json()) == manifest
    assert dataset_from_manifest(drawn_set([(0, 0)]), manifest).name == "drawn-pictures1-seed7"
    with pytest.raises(DataError, match="'unit'.*got tables.*boxes or pictures"):
        ShotManifest.from_json({**manifest.to_json(), "unit": "tables"})


def test_too_few_annotated_pictures_are_refused():
    dataset = drawn_set([(0, 0), (1, 1), (2, 0)], crowd=[False, False, True])
    with pytest.raises(DataError, match="fewer annotated.*got 2 of its 3.*3 or more.*allow-fewer"):
        sample_pictures(dataset, (3,), seed=0)
    assert len(pictures_of(sample_pictures(dataset, (3,), seed=0, allow_fewer=True)[3])) == 2
    with pytest.raises(DataError, match="fewer annotated.*got 0.*boxes of these classes"):
        sample_pictures(dataset, (1,), seed=0, classes=("pen",), allow_fewer=True)


@pytest.mark.parametrize("counts", [(), (0,), (2, -1)])
def test_the_number_is_one_or_more(counts):
    with pytest.raises(ConfigError, match="must be 1 or more"):
        sample_pictures(drawn_set([(0, 0)]), counts, seed=0)


def test_named_pictures_are_a_fixed_set():
    dataset = drawn_set([(0, 0), (1, 1), (2, 2), (2, 0)])
    manifest = named_pictures(dataset, ["2.png", "train/0.png"])
    assert (manifest.shots, manifest.unit, manifest.repetition) == (2, "pictures", "same_boxes")
    assert [box.id for box in manifest.boxes] == [100, 102, 103]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["3.png"], "no picture has the name.*got 3.png"),
        (["0.png", "a/0.png"], "named twice.*got 0.png"),
        (["1.png"], "shows no box of the classes.*got 1.png"),
    ],
)
def test_names_that_do_not_fit_are_refused(names, says):
    with pytest.raises(DataError, match=says):
        named_pictures(drawn_set([(0, 0), (1, 0), (2, 0)], crowd=[False, True, False]), names)
    with pytest.raises(ConfigError, match="no picture is named"):
        named_pictures(drawn_set([(0, 0)]), [])
