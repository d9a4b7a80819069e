"""Which classes are base and which novel."""

from __future__ import annotations

import pytest

from handful.data.splits import (
    COCO_CATEGORY_IDS,
    DIVISIONS,
    VOC_CLASSES,
    ClassDivision,
    class_division,
    division_of,
)
from handful.errors import ConfigError

NOVEL_IN_COCO = [0, 1, 2, 3, 4, 5, 6, 8, 14, 15, 16, 17, 18, 19, 39, 56, 57, 58, 60, 62]


@pytest.mark.parametrize("name", ["voc1", "voc2", "voc3"])
def test_voc_has_base_before_novel_each_in_alphabetical_order(name):
    division = class_division(name)
    assert (len(division.base), len(division.novel)) == (15, 5)
    assert list(division.base) == sorted(division.base)
    assert list(division.novel) == sorted(division.novel)
    assert set(division.everything) == set(VOC_CLASSES)
    assert division.labels("base") == tuple(range(15))
    assert division.labels("novel") == tuple(range(15, 20))


def test_the_novel_classes_of_voc_differ_by_split():
    assert class_division("voc1").novel == ("bird", "bus", "cow", "motorbike", "sofa")
    assert class_division("voc2").novel == ("aeroplane", "bottle", "cow", "horse", "sofa")
    assert class_division("voc3").novel == ("boat", "cat", "motorbike", "sheep", "sofa")


def test_coco_interleaves_base_and_novel_by_category_id():
    division = class_division("coco")
    assert (len(division.base), len(division.novel), len(division.everything)) == (60, 20, 80)
    for part in ("base", "novel", "all"):
        numbers = [COCO_CATEGORY_IDS[name] for name in division.classes(part)]
        assert numbers == sorted(numbers)
    assert list(division.labels("novel")) == NOVEL_IN_COCO
    assert sorted(division.labels("base") + division.labels("novel")) == list(range(80))


def test_cocos_categories_are_its_own():
    assert COCO_CATEGORY_IDS["person"] == 1
    assert COCO_CATEGORY_IDS["stop sign"] == 13
    assert COCO_CATEGORY_IDS["toothbrush"] == 90
    missing = set(range(1, 91)) - set(COCO_CATEGORY_IDS.values())
    assert missing == {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}


def test_any_data_set_divides_in_its_own_order():
    division = division_of(["cup", "key", "pen"], novel=["pen", "cup"])
    assert division.base == ("key",)
    assert division.novel == ("cup", "pen")
    assert division.labels("novel") == (0, 2)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: class_division("voc4"), "Did you mean 'voc"),
        (lambda: division_of(["cup", "key"], ["cups"]), "Did you mean 'cup'"),
        (lambda: division_of(["cup"], []), "no class is novel"),
        (lambda: DIVISIONS["voc1"].classes("nov"), "Did you mean 'novel'"),  # type: ignore[arg-type]
        (lambda: ClassDivision(("cup", "key"), ("key",)), "got key"),
        (lambda: ClassDivision(("cup",), ("key",), ("cup",)), "got key"),
    ],
)
def test_what_makes_no_sense_is_refused(act, words):
    with pytest.raises(ConfigError, match=words):
        act()
