"""The field's names of data sets, read and written."""

from __future__ import annotations

import pytest

from handful.data.splits import FieldSet, parse_field_set
from handful.errors import ConfigError

NAMES = {
    "voc_2007_trainval_base1": FieldSet("voc", "trainval", "base", split=1, year=2007),
    "voc_2012_trainval_all3": FieldSet("voc", "trainval", "all", split=3, year=2012),
    "voc_2007_test_novel2": FieldSet("voc", "test", "novel", split=2, year=2007),
    "voc_2007_trainval_novel1_5shot_seed3": FieldSet(
        "voc", "trainval", "novel", split=1, shots=5, seed=3
    ),
    "voc_2007_trainval_all2_10shot_seed0": FieldSet("voc", "trainval", "all", split=2, shots=10),
    "voc_2007_trainval_all2_10shot": FieldSet(
        "voc", "trainval", "all", split=2, shots=10, style="tfa"
    ),
    "coco14_trainval_base": FieldSet("coco", "trainval", "base"),
    "coco14_test_all": FieldSet("coco", "test", "all"),
    "coco14_trainval_all_10shot_seed0": FieldSet("coco", "trainval", "all", shots=10),
    "coco_test_novel": FieldSet("coco", "test", "novel", style="tfa"),
    "coco_trainval_all_30shot": FieldSet("coco", "trainval", "all", shots=30, style="tfa"),
    "coco_trainval_novel_1shot_seed9": FieldSet(
        "coco", "trainval", "novel", shots=1, seed=9, style="tfa"
    ),
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_read_and_written_back(name):
    assert parse_field_set(name) == NAMES[name]
    assert NAMES[name].name == name


def test_a_set_can_be_spelled_both_ways():
    ours = parse_field_set("coco14_trainval_novel_5shot_seed0")
    assert ours.spelled("tfa").name == "coco_trainval_novel_5shot"
    assert ours.spelled("tfa").spelled("defrcn") == ours
    later = parse_field_set("coco14_trainval_novel_5shot_seed4")
    assert later.spelled("tfa").name == "coco_trainval_novel_5shot_seed4"


def test_the_year_in_the_name_of_a_shot_set_is_nominal():
    later = parse_field_set("voc_2012_trainval_novel1_1shot_seed2")
    assert later == parse_field_set("voc_2007_trainval_novel1_1shot_seed2")


def test_a_set_knows_its_classes():
    assert parse_field_set("voc_2007_trainval_all1_1shot_seed0").class_names[-1] == "sofa"
    assert len(parse_field_set("coco14_trainval_base").class_names) == 60


@pytest.mark.parametrize(
    "name",
    [
        "voc_2007_trainval_novel4_5shot_seed3",
        "voc_2010_trainval_base1",
        "voc_2007_trainval_base1_5shot_seed3",
        "voc_2007_test_novel1_5shot_seed3",
        "voc_2007_trainval_novel1_0shot_seed3",
        "coco17_trainval_base",
        "coco14_trainval_all_seed0",
        "bccd",
        "",
    ],
)
def test_other_names_are_refused(name):
    with pytest.raises(ConfigError, match="not (a|the name of a) data set of the field"):
        parse_field_set(name)


@pytest.mark.parametrize(
    "fields",
    [
        {"family": "voc", "subset": "trainval", "classes": "base", "year": 2007},
        {"family": "voc", "subset": "trainval", "classes": "base", "split": 1},
        {"family": "coco", "subset": "trainval", "classes": "base", "split": 1},
        {"family": "coco", "subset": "trainval", "classes": "base", "seed": 3},
        {"family": "lvis", "subset": "trainval", "classes": "base"},
    ],
)
def test_fields_that_do_not_fit_are_refused(fields):
    with pytest.raises(ConfigError, match="field '"):
        FieldSet(**fields)
