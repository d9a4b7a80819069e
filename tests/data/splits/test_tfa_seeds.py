"""TFA's split maker: what the reference lists do not show."""

from __future__ import annotations

import pytest
from field_layout import write_annotation, write_picture_list

from handful.data.splits import COCO_CATEGORY_IDS, read_coco_shots, read_voc_shots
from handful.data.splits.divisions import VOC_CLASSES
from handful.data.splits.tfa_seeds import (
    coco_seed_annotations,
    voc_seed_lists,
    write_coco_seeds,
    write_voc_seeds,
)
from handful.errors import DataError
from handful.files import read_json, write_json

PICTURES = 20


def test_lists_nest_and_stop_at_k_objects():
    pools = {"cat": [(f"{n:06d}", 1 + n % 4) for n in range(40)]}
    lists = voc_seed_lists(pools, 5)
    by_shots = [lists[shots]["cat"] for shots in (1, 2, 3, 5, 10)]
    assert [len(ids) <= shots for ids, shots in zip(by_shots, (1, 2, 3, 5, 10), strict=True)]
    for smaller, larger in zip(by_shots, by_shots[1:], strict=False):
        assert larger[: len(smaller)] == smaller
    assert voc_seed_lists(pools, 5) == lists
    assert voc_seed_lists(pools, 6) != lists


def test_a_picture_can_be_listed_twice():
    pools = {"cat": [("000001", 1), ("000002", 1), ("000003", 1), ("000004", 1), ("000005", 1)]}
    assert any(
        len(set(ids)) < len(ids)
        for seed in range(5)
        for ids in (voc_seed_lists(pools, seed)[10]["cat"],)
    )


def test_a_class_on_too_few_pictures_is_refused():
    with pytest.raises(DataError, match="cat is on too few pictures.*got 2"):
        voc_seed_lists({"cat": [("000001", 1), ("000002", 1)]}, 1)


def test_coco_takes_whole_pictures_up_to_exactly_k():
    pools = {
        1: {picture: [10 * picture + n for n in range(1 + picture % 3)] for picture in range(30)}
    }
    chosen = coco_seed_annotations(pools, 1)
    for shots, by_category in chosen.items():
        ids = by_category[1]
        assert len(ids) == len(set(ids)) == shots
        for picture in {number // 10 for number in ids}:
            assert set(pools[1][picture]) <= set(ids)


def test_what_cannot_be_completed_is_refused_and_not_searched_for_ever():
    pairs = {1: {picture: [2 * picture, 2 * picture + 1] for picture in range(30)}}
    with pytest.raises(DataError, match="category 1 cannot be completed.*expected 1"):
        coco_seed_annotations(pairs, 1)


def test_written_voc_lists_can_be_read(tmp_path):
    ids = [f"{n:06d}" for n in range(PICTURES)]
    for image_id in ids:
        write_annotation(tmp_path, image_id, [{"name": name} for name in (*VOC_CLASSES, "ufo")])
    write_picture_list(tmp_path, 2007, "trainval", ids[:10])
    write_picture_list(tmp_path, 2012, "trainval", ids[10:])
    write_voc_seeds(tmp_path, [8])
    dataset = read_voc_shots(tmp_path, ("cat", "dog"), shots=3, seed=8, require_pictures=False)
    assert dataset.table.labels.tolist() == [0, 0, 0, 1, 1, 1]


@pytest.mark.integration
def test_written_coco_files_can_be_read(tmp_path):
    document = coco_document()
    write_json(tmp_path / "cocosplit" / "datasplit" / "trainvalno5k.json", document)
    write_coco_seeds(tmp_path, [4], out=tmp_path / "new")
    dataset = read_coco_shots(
        tmp_path / "new", ("person", "dog"), shots=2, seed=4, require_pictures=False
    )
    assert sorted(dataset.table.labels.tolist()) == [0, 0, 1, 1]
    file = tmp_path / "new" / "cocosplit" / "seed4" / "full_box_30shot_hair drier_trainval.json"
    written = read_json(file)
    assert len(written["annotations"]) == len(written["images"]) == 30
    assert (written["info"], written["categories"]) == (document["info"], document["categories"])


def coco_document() -> dict:
    pictures = range(1, 41)
    return {
        "info": {"description": "small"},
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 50, "height": 50} for n in pictures],
        "categories": [{"id": n, "name": name} for name, n in COCO_CATEGORY_IDS.items()],
        "annotations": [
            {"id": 100 * n + category, "image_id": n, "category_id": category, "bbox": [1, 1, 9, 9]}
            for n in pictures
            for category in COCO_CATEGORY_IDS.values()
        ],
    }
