"""K boxes a class of any data set."""

from __future__ import annotations

from collections import Counter

import pytest
from drawn_set import drawn_set
from hypothesis import given, settings
from hypothesis import strategies as some

from handful.data.splits import dataset_from_manifest, sample_shots
from handful.errors import ConfigError, DataError

CLASSES = 3
SHOTS = (1, 2, 5)
BOXES = some.lists(
    some.tuples(some.integers(0, 6), some.integers(0, CLASSES - 1), some.integers(0, 9)),
    min_size=1,
    max_size=60,
)
"""(picture, label, kind): kind 0 is a crowd, kind 1 is difficult, others are plain."""


def set_of(boxes):
    return drawn_set(
        [(picture, label) for picture, label, _ in boxes],
        crowd=[kind == 0 for _, _, kind in boxes],
        difficult=[kind == 1 for _, _, kind in boxes],
    )


def plain_counts(boxes) -> list[int]:
    return [sum(label == n and kind > 1 for _, label, kind in boxes) for n in range(CLASSES)]


@settings(deadline=None, max_examples=30)
@given(boxes=BOXES, seed=some.integers(0, 2**40))
def test_each_class_gives_exactly_k_plain_boxes_or_all_it_has(boxes, seed):
    if not any(plain_counts(boxes)):
        return
    dataset = set_of(boxes)
    for count, manifest in sample_shots(dataset, SHOTS, seed=seed, allow_fewer=True).items():
        expected = [min(count, has) for has in plain_counts(boxes)]
        assert list(manifest.counts().values()) == expected
        support = dataset_from_manifest(dataset, manifest)
        assert len(support.table) == sum(expected)
        assert not support.table.crowd.any()
        assert not support.table.difficult.any()
        assert len(set(support.table.ids.tolist())) == len(support.table)


@settings(deadline=None, max_examples=30)
@given(boxes=BOXES, seed=some.integers(0, 2**40))
def test_too_few_are_refused_exactly_when_a_class_has_fewer(boxes, seed):
    dataset = set_of(boxes)
    if min(plain_counts(boxes)) < max(SHOTS):
        with pytest.raises(DataError, match="fewer boxes|no box to draw"):
            sample_shots(dataset, SHOTS, seed=seed)
    else:
        assert set(sample_shots(dataset, SHOTS, seed=seed)) == set(SHOTS)


@settings(deadline=None, max_examples=30)
@given(boxes=BOXES, seed=some.integers(0, 2**40))
def test_smaller_sets_lie_in_larger_ones_and_the_seed_decides(boxes, seed):
    if not any(plain_counts(boxes)):
        return
    dataset = set_of(boxes)
    drawn = sample_shots(dataset, SHOTS, seed=seed, allow_fewer=True)
    ids = [{box.id for box in drawn[count].boxes} for count in SHOTS]
    assert ids[0] <= ids[1] <= ids[2]
    assert sample_shots(dataset, SHOTS, seed=seed, allow_fewer=True) == drawn
    assert sample_shots(dataset, (2,), seed=seed, allow_fewer=True)[2] == drawn[2]


@settings(deadline=None, max_examples=30)
@given(boxes=BOXES, seed=some.integers(0, 2**40))
def test_boxes_come_from_as_many_pictures_as_they_can(boxes, seed):
    if not any(plain_counts(boxes)):
        return
    drawn = sample_shots(set_of(boxes), (4,), seed=seed, allow_fewer=True)[4]
    for label, name in enumerate(drawn.class_names):
        pictures = {p for p, own, kind in boxes if own == label and kind > 1}
        shown = {box.picture for box in drawn.boxes if box.class_name == name}
        assert len(shown) == min(4, len(pictures))


PLENTY = [(n % 7, n % 3) for n in range(63)]


def ids_of(manifest) -> list[int]:
    return [box.id for box in manifest.boxes]


def test_seeds_differ_and_all_boxes_are_drawn_by_some():
    dataset = drawn_set(PLENTY)
    drawn = [tuple(ids_of(sample_shots(dataset, (2,), seed=n)[2])) for n in range(60)]
    assert len(set(drawn)) > 55
    often = Counter(number for ids in drawn for number in ids)
    assert len(often) == len(PLENTY)
    assert max(often.values()) < 20


def test_the_draw_of_a_class_does_not_depend_on_the_others():
    dataset = drawn_set(PLENTY)
    everything, one = (
        sample_shots(dataset, (3,), seed=4, classes=classes)[3] for classes in (None, ("key",))
    )
    keys = [box.id for box in everything.boxes if box.class_name == "key"]
    assert sorted(keys) == sorted(ids_of(one))
    assert (one.class_names, one.class_ids) == (("key",), (5,))


def test_independent_draws_need_not_be_nested():
    dataset = drawn_set(PLENTY)
    loose = [sample_shots(dataset, (1, 5), seed=n, nested=False) for n in range(8)]
    assert not all(set(ids_of(drawn[1])) <= set(ids_of(drawn[5])) for drawn in loose)
    assert loose[0] == sample_shots(dataset, (1, 5), seed=0, nested=False)


def test_other_objects_stay_labelled_on_demand():
    dataset = drawn_set(PLENTY, crowd=[n == 0 for n in range(63)])
    plain, full = (
        sample_shots(dataset, (1,), seed=1, keep_others=keep)[1] for keep in (False, True)
    )
    assert {box.id for box in plain.boxes} == {box.id for box in full.boxes if not box.extra}
    assert full.counts() == plain.counts() == {"cup": 1, "key": 1, "pen": 1}
    support = dataset_from_manifest(dataset, full)
    whole = dataset.subset([picture.id - 10 for picture in support.pictures])
    assert support.table.ids.tolist() == whole.table.ids.tolist()


def test_difficult_boxes_are_drawn_on_demand():
    dataset = drawn_set([(0, 0), (1, 1), (2, 2)], difficult=[True, False, False])
    assert sample_shots(dataset, (1,), seed=0, difficult=True)[1].counts()["cup"] == 1
    with pytest.raises(DataError, match="class 'cup'.*got 0 and 1 crowd or difficult"):
        sample_shots(dataset, (1,), seed=0)


def test_the_refusal_names_the_class_and_what_to_do():
    dataset = drawn_set([(0, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 2)])
    with pytest.raises(DataError) as refused:
        sample_shots(dataset, (1, 3), seed=0)
    message = str(refused.value)
    for words in ("class 'cup'", "and so have 1 more", "got 1", "3 or more", "--allow-fewer"):
        assert words in message


@pytest.mark.parametrize("shots", [(), (0,), (2, -1)])
def test_k_is_one_or_more(shots):
    with pytest.raises(ConfigError, match="K must be 1 or more"):
        sample_shots(drawn_set(PLENTY), shots, seed=0)


def test_unknown_classes_and_empty_sets_are_refused():
    with pytest.raises(DataError, match="Did you mean 'cup'"):
        sample_shots(drawn_set(PLENTY), (1,), seed=0, classes=["cups"])
    with pytest.raises(DataError, match="no box to draw"):
        sample_shots(drawn_set([(0, 0)], crowd=[True]), (1,), seed=0, allow_fewer=True)
