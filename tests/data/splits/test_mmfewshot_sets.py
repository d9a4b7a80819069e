"""K-shot and base sets as mmfewshot reads them: what the reference files do not show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from drawn_set import drawn_set
from field_layout import write_annotation, write_coco_shots, write_shot_list

from handful.data.splits import ClassDivision
from handful.data.splits.mmfewshot_sets import (
    capped_rows,
    last_pixels,
    merged,
    only_plain,
    read_drawn_shots,
    without_pictures_of,
    worth_training,
)

CARS = [f"{number:06d}" for number in range(1, 6)]
DIVISION = ClassDivision(("car", "dog"), ("cat",))


def write_lists(root: Path, lists: dict[str, list[str]]) -> None:
    for name, image_ids in lists.items():
        write_shot_list(root / "vocsplit" / "seed3", 2, name, image_ids)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root whose car list shows five cars for two shots, and whose cat is difficult."""
    for image_id in CARS:
        write_annotation(tmp_path, image_id, [{"name": "car"}, {"name": "dog"}])
    write_annotation(tmp_path, "2008_000007", [{"name": "cat", "difficult": 1}, {"name": "dog"}])
    dogs = ["2008_000007", CARS[0], CARS[0]]
    write_lists(tmp_path, {"car": CARS, "dog": dogs, "cat": ["2008_000007"]})
    return tmp_path


def shots_of(root: Path, **options) -> list[tuple[int, str]]:
    options = {"shots": 2, "seed": 3, **options}
    found = read_drawn_shots(root, DIVISION, family="voc", require_pictures=False, **options)
    table = found.table
    return [
        (found.pictures[picture].id, found.class_names[label])
        for picture, label in zip(table.picture.tolist(), table.labels.tolist(), strict=True)
    ]


@pytest.mark.parametrize("draw_seed", [0, 7, 42])
def test_numpy_draws_novel_classes_first_and_a_box_listed_twice_is_one(root, draw_seed):
    generator = numpy.random.RandomState(draw_seed)
    cars = sorted(int(CARS[row]) for row in generator.choice(5, 2, replace=False))
    dogs = generator.choice(3, 2, replace=False)
    found = shots_of(root, draw_seed=draw_seed)
    assert [picture for picture, name in found if name == "car"] == cars
    listed = [2008000007, 1, 1]
    assert {picture for picture, name in found if name == "dog"} == {listed[row] for row in dogs}
    assert "cat" not in {name for _, name in found}


def test_classes_that_fall_short_are_noted(root):
    found = read_drawn_shots(root, DIVISION, family="voc", shots=2, seed=3, require_pictures=False)
    assert "class 'cat' has 0 of 2 shots" in found.notes


def test_lists_are_found_where_mmfewshot_keeps_them(tmp_path):
    write_annotation(tmp_path, CARS[0], [{"name": name} for name in DIVISION.everything])
    for name in DIVISION.everything:
        write_shot_list(tmp_path / "few_shot_ann" / "voc" / "benchmark_2shot", 2, name, CARS[:1])
    assert shots_of(tmp_path, seed=0) == [(1, "car"), (1, "dog"), (1, "cat")]


def test_coco_shots_of_a_picture_are_joined_and_specks_left_out(tmp_path):
    def content(category: int, *boxes: list[float]) -> dict:
        picture = {"id": 7, "file_name": "7.jpg", "width": 100, "height": 80}
        entries = [
            {"id": 10 * category + n, "image_id": 7, "category_id": category, "bbox": box}
            for n, box in enumerate(boxes)
        ]
        return {"images": [picture], "annotations": entries}

    folder = tmp_path / "few_shot_ann" / "coco" / "benchmark_2shot"
    write_coco_shots(folder, 2, "dog", content(18, [1, 2, 30, 40], [5, 5, 0.5, 9]))
    write_coco_shots(folder, 2, "person", content(1, [3, 3, 10, 10]))
    found = read_drawn_shots(
        tmp_path,
        ClassDivision(("dog",), ("person",)),
        family="coco",
        shots=2,
        require_pictures=False,
    )
    assert len(found) == 1
    assert found.table.boxes.tolist() == [[1, 2, 31, 42], [3, 3, 13, 13]]
    assert found.class_ids == (18, 1)
    assert len(found.notes) == 2


def test_only_boxes_that_count_are_capped():
    dataset = drawn_set([(0, 1), (1, 1), (2, 1), (2, 0)], difficult=[True, False, False, False])
    assert capped_rows(dataset, 5, order=[1, 0], seed=0).tolist() == [1, 2, 3]


def test_pictures_are_joined_by_their_id_and_keep_their_order():
    dataset = drawn_set([(0, 1), (1, 2), (2, 0)])
    pictures = (dataset.pictures[0], dataset.pictures[1], replace(dataset.pictures[0]))
    found = merged(replace(dataset, pictures=pictures), torch.tensor([0, 1, 2]))
    assert [picture.id for picture in found.pictures] == [10, 11]
    assert found.table.picture.tolist() == [0, 1, 0]


def test_small_and_empty_pictures_are_not_trained_on():
    dataset = drawn_set([(0, 1), (1, 1), (2, 1)], difficult=[False, True, False])
    narrow = replace(dataset.pictures[2], width=31)
    found = worth_training(replace(dataset, pictures=(*dataset.pictures[:2], narrow)))
    assert [picture.id for picture in found.pictures] == [10]


def test_pictures_of_other_classes_can_be_left_out():
    dataset = drawn_set([(0, 0), (0, 2), (1, 0), (2, 1)])
    assert [one.id for one in without_pictures_of(dataset, ["pen"]).pictures] == [11, 12]


def test_plain_boxes_stay_and_far_corners_move_inside():
    dataset = drawn_set([(0, 0), (1, 1)], difficult=[False, True])
    assert only_plain(dataset).table.labels.tolist() == [0]
    moved = last_pixels(dataset).table.boxes - dataset.table.boxes
    assert moved.tolist() == [[0, 0, -1, -1]] * 2
