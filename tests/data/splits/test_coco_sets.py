"""COCO in the field's folder layout: what the reference files do not show."""

from __future__ import annotations

import pytest
from field_layout import write_coco_shots

from handful.data.splits import read_coco_set, read_coco_shots
from handful.data.splits.coco_sets import category_labels
from handful.errors import ConfigError, DataError
from handful.files import write_json


def image(number: int) -> dict:
    return {
        "id": number,
        "file_name": f"COCO_train2014_{number:012d}.jpg",
        "width": 100,
        "height": 80,
    }


def annotation(number: int, picture: int, category: int, **more) -> dict:
    return {
        "id": number,
        "image_id": picture,
        "category_id": category,
        "bbox": [number, 2, 30.5, 40],
        **more,
    }


@pytest.fixture
def root(tmp_path):
    """Return a root with two classes' one-shot files of seed 2, and an ordinary file."""
    dogs = {
        "images": [image(9), image(4)],
        "annotations": [annotation(1, 9, 18), annotation(2, 4, 18)],
    }
    people = {"images": [image(9)], "annotations": [annotation(3, 9, 1), annotation(4, 9, 1)]}
    folder = tmp_path / "cocosplit" / "seed2"
    write_coco_shots(folder, 1, "person", people)
    write_coco_shots(folder, 1, "dog", dogs)
    write_json(
        tmp_path / "cocosplit" / "datasplit" / "5k.json",
        {
            "images": [image(9), image(4), image(5)],
            "annotations": [
                annotation(1, 9, 18, iscrowd=1),
                annotation(2, 4, 1),
                annotation(3, 5, 2, bbox=[3, 3, 0, 5]),
                annotation(4, 9, 2),
            ],
        },
    )
    return tmp_path


def read_shots(root, **options):
    options = {"shots": 1, "seed": 2, "require_pictures": False, **options}
    return read_coco_shots(root, ("person", "dog"), **options)


def test_a_record_a_picture_merges_classes(root):
    dataset = read_shots(root)
    assert [picture.id for picture in dataset.pictures] == [9, 4]
    assert dataset.table.picture.tolist() == [0, 0, 0, 1]
    assert dataset.table.labels.tolist() == [0, 0, 1, 1]
    assert dataset.table.ids.tolist() == [3, 4, 1, 2]
    assert dataset.class_ids == (1, 18)


def test_a_record_a_box_draws_k_of_each_class(root):
    dataset = read_shots(root, records="box")
    assert dataset.table.picture.tolist() == [0, 1]
    assert dataset.table.labels.tolist() == [0, 1]
    drawn = {
        tuple(read_shots(root, records="box", draw_seed=n).table.ids.tolist()) for n in range(9)
    }
    assert len(drawn) > 1
    assert read_shots(root, records="box", shots=1).table.ids.tolist() == dataset.table.ids.tolist()


def test_an_ordinary_set_ascends_in_picture_id_and_keeps_all(root):
    dataset = read_coco_set(root, ("dog", "bicycle"), subset="test", require_pictures=False)
    assert [picture.id for picture in dataset.pictures] == [4, 5, 9]
    assert dataset.table.picture.tolist() == [1, 2, 2]
    assert dataset.table.labels.tolist() == [1, 0, 1]
    assert dataset.table.crowd.tolist() == [False, True, False]
    assert dataset.table.boxes[0].tolist() == [3, 3, 3, 8]
    assert dataset.pictures[0].path == root / "coco" / "val2014" / image(4)["file_name"]


def test_seed_0_may_lie_at_the_top(root):
    (root / "cocosplit" / "seed2").rename(root / "cocosplit" / "seed0")
    expected = read_shots(root, seed=0).table.ids.tolist()
    for file in list((root / "cocosplit" / "seed0").iterdir()):
        file.rename(root / "cocosplit" / file.name)
    assert read_shots(root, seed=0).table.ids.tolist() == expected


def test_labels_are_by_class_name():
    assert category_labels(("dog", "person")) == {18: 0, 1: 1}
    with pytest.raises(ConfigError, match="Did you mean 'teddy bear'"):
        category_labels(("teddybear",))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda root: read_shots(root, seed=3), "seed3/full_box_1shot_person_trainval.json"),
        (lambda root: read_shots(root, shots=2), "full_box_2shot_person.*cocosplit/seedN"),
        (lambda root: read_coco_set(root, ("dog",)), "datasplit/trainvalno5k.json"),
        (lambda root: read_shots(root, require_pictures=True), "trainval2014/COCO_train2014"),
    ],
)
def test_missing_files_are_named(root, act, words):
    with pytest.raises(DataError, match=words):
        act(root)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "field 'images'"),
        ({"images": [image(1)]}, "field 'annotations'"),
        ({"images": [], "annotations": [annotation(7, 1, 1)]}, "annotation 7 has an unknown"),
        (
            {"images": [image(1)], "annotations": [annotation(7, 1, 1, bbox=[1, 1, -4, 4])]},
            "annotation 7 has a box of no area",
        ),
        (
            {"images": [image(1)], "annotations": [annotation(7, 1, 1, bbox=[500, 1, 4, 4])]},
            "annotation 7 has a box outside",
        ),
        (
            {"images": [image(1)], "annotations": [annotation(7, 1, 1, bbox="all")]},
            "field 'bbox'",
        ),
        ({"images": [{"id": 1, "width": 3}], "annotations": []}, "field 'height'"),
    ],
)
def test_broken_files_are_refused_by_name(root, content, words):
    write_coco_shots(root / "cocosplit" / "seed2", 1, "person", content)
    with pytest.raises(DataError, match=f"full_box_1shot_person.*{words}|{words}.*full_box_1shot"):
        read_shots(root)


def test_a_record_is_a_picture_or_a_box_or_a_class(root):
    with pytest.raises(ConfigError, match="picture or box or class"):
        read_shots(root, records="object")
