"""CrowdHuman's lines: what they say, how they are converted, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from handful import api
from handful.data.convert import data_convert
from handful.data.formats import read_dataset, write_dataset
from handful.errors import DataError

FULL, VISIBLE, HEAD = [-5, 2, 30.5, 70], [0, 2, 25, 50], [3, 2, 9, 10]
PLAIN = {"tag": "person", "fbox": FULL, "vbox": VISIBLE, "hbox": HEAD, "extra": {"box_id": 0}}
CROWD = {"tag": "mask", "fbox": [40, 5, 10, 10], "vbox": [40, 5, 10, 10], "hbox": [40, 5, 10, 10]}
CROWD |= {"extra": {"ignore": 1}}


def save(folder: Path, *pictures: list, names: str = "ab", images: str = "Images") -> Path:
    """Write one line a picture of 60 x 40 pixels; returns the file."""
    (folder / images).mkdir(parents=True, exist_ok=True)
    lines = []
    for name, people in zip(names, pictures, strict=False):
        Image.new("RGB", (60, 40)).save(folder / images / f"{name}.jpg")
        lines.append(json.dumps({"ID": name, "gtboxes": people}) + "\n")
    file = folder / "val.odgt"
    file.write_text("".join(lines), encoding="utf-8")
    return file


@pytest.mark.parametrize("images", ["", "Images", "CrowdHuman_val"])
def test_full_bodies_may_leave_their_picture(tmp_path: Path, images: str) -> None:
    dataset = read_dataset(save(tmp_path, [PLAIN, CROWD], [], images=images))
    assert dataset.class_names == ("person",)
    assert dataset.table.boxes.tolist() == [[-5, 2, 25.5, 72], [40, 5, 50, 15]]
    assert dataset.table.visible is not None
    assert dataset.table.visible.tolist() == [[0, 2, 25, 52], [40, 5, 50, 15]]
    assert dataset.table.crowd.tolist() == [False, True]
    assert [(one.id, one.width, one.height) for one in dataset.pictures] == [
        (1, 60, 40),
        (2, 60, 40),
    ]
    assert len(dataset.rows(1)) == 0 and dataset[1][0].size == (60, 40)


@pytest.mark.parametrize(
    ("format", "box", "ignored"),
    [("odgt-visible", [0, 2, 25, 52], False), ("odgt-head", [3, 2, 12, 12], True)],
)
def test_other_parts_of_a_person_are_read_by_name(tmp_path: Path, format, box, ignored) -> None:
    person = {**PLAIN, "head_attr": {"ignore": 1}}
    dataset = read_dataset(save(tmp_path, [person]), format=format)
    assert dataset.table.boxes.tolist() == [box]
    assert dataset.table.crowd.tolist() == [ignored] and dataset.table.visible is None


def test_a_mask_that_is_not_ignored_is_a_person(tmp_path: Path) -> None:
    dataset = read_dataset(save(tmp_path, [{**CROWD, "extra": {"ignore": 0}}]))
    assert dataset.table.crowd.tolist() == [False]


def test_boxes_of_no_area_are_kept(tmp_path: Path) -> None:
    dataset = read_dataset(save(tmp_path, [{**PLAIN, "fbox": [5, 5, 0, 9]}]))
    assert dataset.table.boxes.tolist() == [[5, 5, 5, 14]]


def test_conversion_there_and_back_keeps_everything(tmp_path: Path) -> None:
    first = read_dataset(save(tmp_path, [PLAIN, CROWD], []))
    there = data_convert(tmp_path / "val.odgt", tmp_path / "val.json")
    back = data_convert(tmp_path / "val.json", tmp_path / "again", to="odgt")
    assert (there.lost, back.lost) == ((), ())
    again = read_dataset(tmp_path / "again")
    for column in ("picture", "boxes", "visible", "crowd", "labels"):
        assert torch.equal(getattr(again.table, column), getattr(first.table, column)), column
    assert [one.file_name for one in again.pictures] == ["a.jpg", "b.jpg"]
    assert data_convert(tmp_path / "again", tmp_path / "v", to="voc").lost[-1] == (
        "visible parts of boxes"
    )


def test_only_people_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "dog").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "dog" / "a.png")
    with pytest.raises(DataError, match="people only.*got dog.*expected person"):
        write_dataset(read_dataset(tmp_path, format="crops"), tmp_path / "out", format="odgt")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("format", "to"), [("odgt", "voc"), ("odgt", "yolo"), ("odgt-visible", "coco")]
)
def test_boxes_are_clipped_where_visible_parts_have_no_place(tmp_path: Path, format, to) -> None:
    gone = {**PLAIN, "fbox": [70, 5, 9, 9], "vbox": [-9, 5, 9, 9]}
    place = tmp_path / ("out.json" if to == "coco" else "out")
    data_convert(save(tmp_path, [PLAIN, gone]), place, format=format, to=to)
    boxes = read_dataset(place).table.boxes
    expected = torch.tensor([[0.0, 2, 25 if format == "odgt-visible" else 25.5, 40]])
    torch.testing.assert_close(boxes, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"ID": "b", "gtboxes": [', r"line 2 is not valid JSON.*val\.odgt"),
        ("NaN!", "line 2 is not valid JSON"),
        ("[1]", "line 2 is not a JSON object.*got list"),
        ('{"gtboxes": []}', "line 2 lacks a field.*'ID'"),
        ('{"ID": "b"}', "line 2 lacks a field.*'gtboxes'"),
        ('{"ID": "b", "gtboxes": [3]}', "line 2 has a field of the wrong type.*'gtboxes'"),
        ('{"ID": "c", "gtboxes": []}', r"line 2 names a picture that is not there.*c\.jpg"),
        ('{"ID": "a", "gtboxes": []}', "two lines have one ID"),
    ],
)
def test_lines_that_cannot_be_read_are_named(tmp_path: Path, line: str, message: str) -> None:
    file = save(tmp_path, [PLAIN], [])
    file.write_text(file.read_text().splitlines()[0] + f"\n{line}\n")
    with pytest.raises(DataError, match=message):
        read_dataset(file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tag": "persn"}, "line 1, box 2, has an unknown tag.*got persn.*'person'"),
        ({"tag": None}, "box 2, has an unknown tag"),
        ({"fbox": [1, 2, -3, 4]}, "box 2, has a box of negative size.*'fbox'.*width -3"),
        ({"vbox": [1, 2, 3, -4]}, "box 2, has a box of negative size.*'vbox'.*height -4"),
        ({"fbox": [1, 2, 3]}, "box 2, has a field of the wrong type.*4 numbers"),
        ({"fbox": [1, 2, 3, float("nan")]}, "coordinate that is not a number"),
    ],
)
def test_people_that_make_no_sense_are_named(tmp_path: Path, change, message: str) -> None:
    file = save(tmp_path, [PLAIN, {**PLAIN, **change}])
    with pytest.raises(DataError, match=message):
        read_dataset(file)


def test_a_coco_file_with_visible_parts_is_checked_too(tmp_path: Path) -> None:
    save(tmp_path, [PLAIN])
    data_convert(tmp_path / "val.odgt", tmp_path / "val.json")
    content = json.loads((tmp_path / "val.json").read_text())
    content["annotations"][0]["bbox_vis"] = [1, 2, -3, 4]
    (tmp_path / "val.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="annotation 1 has a box of negative size.*'bbox_vis'"):
        read_dataset(tmp_path / "val.json")


def test_folders_need_one_file(tmp_path: Path) -> None:
    save(tmp_path, [PLAIN])
    (tmp_path / "train.odgt").write_text("")
    with pytest.raises(DataError, match=r"several odgt files.*train\.odgt, val\.odgt"):
        read_dataset(tmp_path)


def test_it_is_described(tmp_path: Path) -> None:
    facts = api.data_info(save(tmp_path, [PLAIN, CROWD], []))
    assert (facts.format, facts.pictures, facts.boxes, facts.crowd) == ("odgt", 2, 2, 1)
    assert facts.empty_pictures == 1
