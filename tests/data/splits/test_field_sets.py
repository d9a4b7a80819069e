"""One door to the field's data sets."""

from __future__ import annotations

import pytest
from field_layout import (
    write_annotation,
    write_coco_shots,
    write_picture_list,
    write_shot_list,
)

from handful.data.splits import class_division, parse_field_set, read_field_set
from handful.errors import ConfigError

NOVEL = class_division("voc1").novel
COCO_NOVEL = class_division("coco").novel


@pytest.fixture
def root(tmp_path):
    for image_id in ("000001", "2008_000002"):
        things = [{"name": name} for name in (*NOVEL, "car")]
        write_annotation(tmp_path, image_id, things)
        year = 2012 if "_" in image_id else 2007
        for subset in ("trainval", "test"):
            write_picture_list(tmp_path, year, subset, [image_id])
    for name in NOVEL:
        lists = tmp_path / "vocsplit" / "seed3"
        write_shot_list(lists, 1, name, ["000001", "2008_000002"])
    for number, name in enumerate(COCO_NOVEL):
        image = {"id": 7, "file_name": "7.jpg", "width": 90, "height": 90}
        boxes = [
            {"id": 2 * number + n, "image_id": 7, "category_id": 1, "bbox": [1, 1, 9, 9]}
            for n in range(2)
        ]
        write_coco_shots(
            tmp_path / "cocosplit" / "seed3", 1, name, {"images": [image], "annotations": boxes}
        )
    return tmp_path


def read(which, root, **options):
    return read_field_set(which, root, require_pictures=False, **options)


@pytest.mark.parametrize(
    ("name", "pictures", "boxes"),
    [
        ("voc_2007_test_novel1", 1, 5),
        ("voc_2007_test_all1", 1, 6),
        ("voc_2012_trainval_base1", 1, 1),
        ("voc_2007_trainval_novel1_1shot_seed3", 5, 5),
        ("coco14_trainval_novel_1shot_seed3", 1, 40),
        ("coco_trainval_novel_1shot_seed3", 20, 20),
    ],
)
def test_a_name_is_enough(root, name, pictures, boxes):
    dataset = read(name, root)
    assert dataset.name == name
    assert (len(dataset.pictures), len(dataset.table)) == (pictures, boxes)
    assert dataset.class_names == parse_field_set(name).class_names
    assert read(parse_field_set(name), root).pictures == dataset.pictures


def test_several_names_are_one_set(root):
    names = ["voc_2007_trainval_base1", "voc_2012_trainval_base1"]
    dataset = read(names, root)
    assert dataset.name == "+".join(names)
    assert [picture.id for picture in dataset.pictures] == [1, 2008000002]
    assert dataset.table.labels.tolist() == [dataset.class_names.index("car")] * 2


def test_the_draw_can_be_chosen(root):
    name = "voc_2007_trainval_novel1_1shot_seed3"
    draws = {tuple(read(name, root, draw_seed=n).table.ids.tolist()) for n in range(9)}
    assert len(draws) > 3


def test_no_name_is_no_set(root):
    with pytest.raises(ConfigError, match="no data set named"):
        read([], root)
