from __future__ import annotations

import pytest
from drawn_set import drawn_set

from handful.data.repetition import Repetition, repeated
from handful.errors import ConfigError

YEARS = Repetition(("VOC2007", "VOC2012"))


@pytest.mark.parametrize(
    ("count", "times"), [(0, 1), (1, 101), (3, 34), (7, 15), (49, 3), (50, 1), (200, 1)]
)
def test_small_groups_are_shown_more_often(count, times):
    assert YEARS.times(count) == times


def test_groups_follow_each_other_each_repeated_as_a_whole():
    names = ["VOC2012/b.jpg", "VOC2007/a.jpg", "other.jpg", "VOC2012/c.jpg"]
    positions = Repetition(YEARS.groups, fewest=50, filled=3).positions(names)
    assert positions == [1, 1, 1, 1, 0, 3, 0, 3, 2, 2, 2, 2]


def test_a_group_without_pictures_is_no_mistake():
    assert YEARS.positions(["VOC2007/a.jpg"] * 50) == list(range(50))
    assert YEARS.positions([]) == []


def test_a_data_set_keeps_its_boxes_with_each_repetition():
    dataset = repeated(drawn_set([(0, 1), (1, 2)]), Repetition(filled=3))
    assert [picture.id for picture in dataset.pictures] == [10, 11, 10, 11]
    assert dataset.table.labels.tolist() == [1, 2, 1, 2]


def test_negative_numbers_are_refused():
    with pytest.raises(ConfigError, match="filled"):
        Repetition(filled=-1)
