"""YOLO folders."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from handful.data.formats import detect_format, read_dataset
from handful.errors import DataError

NAMES = "names: [cup, key]\n"


def save(folder: Path, labels: str | None, *, settings: str = NAMES, part: str = "") -> Path:
    images, texts = folder / "images" / part, folder / "labels" / part
    images.mkdir(parents=True)
    texts.mkdir(parents=True)
    Image.new("RGB", (40, 20)).save(images / "a.png")
    if labels is not None:
        (texts / "a.txt").write_text(labels)
    (folder / "data.yaml").write_text(settings)
    return folder


def test_centres_and_sizes_are_fractions(tmp_path):
    dataset = read_dataset(save(tmp_path, "1 0.5 0.5 0.25 0.5\n\n0 0.1 0.1 0.2 0.2\n"))
    assert detect_format(tmp_path) == "yolo"
    assert dataset.class_names == ("cup", "key")
    assert dataset.class_ids == (0, 1)
    assert dataset.table.labels.tolist() == [1, 0]
    assert dataset.table.boxes.tolist() == [[15, 5, 25, 15], [0, 0, 8, 4]]


@pytest.mark.parametrize(
    "settings",
    [
        "names: {1: key, 0: cup}\ntrain: images/train\nval: images/train\n",
        "path: .\nnames: [cup, key]\ntrain: ../images/train\n",
        "path: /some/old/machine\nnames: [cup, key]\ntrain: [images/train]\ntest:\n",
        "names: [cup, key]\ntrain: list.txt\n",
    ],
)
def test_settings_name_splits_in_many_ways(tmp_path, settings):
    save(tmp_path, "1 0.5 0.5 0.25 0.5\n", settings=settings, part="train")
    (tmp_path / "list.txt").write_text("./images/train/a.png\n")
    for path in (tmp_path, tmp_path / "data.yaml"):
        dataset = read_dataset(path)
        assert detect_format(path) == "yolo"
        assert (len(dataset), len(dataset.table)) == (1, 1)
        assert dataset.class_names == ("cup", "key")


def test_names_may_lie_in_classes_txt_and_labels_beside_pictures(tmp_path):
    (tmp_path / "classes.txt").write_text("cup\nkey\n")
    Image.new("RGB", (40, 20)).save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("1 0.5 0.5 0.25 0.5")
    assert detect_format(tmp_path) == "yolo"
    assert read_dataset(tmp_path).table.boxes.tolist() == [[15, 5, 25, 15]]


def test_polygon_lines_become_boxes_and_outlines(tmp_path):
    dataset = read_dataset(save(tmp_path, "0 0.25 0.5 0.5 0.5 0.5 1\n"))
    assert dataset.table.boxes.tolist() == [[10, 10, 20, 20]]
    assert dataset.outlines == (((10, 10, 20, 10, 20, 20),),)


def test_a_picture_without_a_label_file_has_no_boxes(tmp_path):
    save(tmp_path, "0 0.5 0.5 0.25 0.5\n")
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "b.png")
    dataset = read_dataset(tmp_path)
    assert [len(dataset.targets(i)) for i in range(2)] == [1, 0]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("0 0.5 0.5 0.25", "line 2 is not a label.*4 numbers"),
        ("0 0.5 0.5 0.25 0.5 0.9", "line 2 is not a label.*the score"),
        ("cup 0.5 0.5 0.25 0.5", "line 2 is not a label.*'cup"),
        ("2 0.5 0.5 0.25 0.5", "line 2 has an unknown class.*got 2.*0 to 1"),
        ("0.5 0.5 0.5 0.25 0.5", "line 2 has an unknown class"),
        ("nan 0.5 0.5 0.25 0.5", "line 2 has an unknown class"),
        ("0 nan 0.5 0.25 0.5", "line 2.*not a number"),
        ("0 0.5 0.5 0 0.5", "line 2 has a box of no area"),
        ("0 0.9 0.5 0.5 0.5", "line 2 has a box outside its picture"),
        ("0 0.9 inf 0.5 0.5 0.7 0.8", "line 2.*not a number"),
    ],
)
def test_bad_labels_are_refused_by_file_and_line(tmp_path, line, says):
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(save(tmp_path, f"0 0.5 0.5 0.25 0.5\n{line}\n"))
    assert str(Path("labels") / "a.txt") in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("names: [cup, cup]", "two classes have one name.*cup"),
        ("names: {0: cup, 2: key}", "no class names"),
        ("nc: 2 # names", "no class names"),
        ("names: [cup", "not valid YAML"),
        ("names", "not YOLO settings"),
        ("names: [cup]\ntrain: nowhere", "no split.*nowhere.*--images"),
    ],
)
def test_bad_settings_are_refused(tmp_path, settings, says):
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(save(tmp_path, "0 0.5 0.5 0.25 0.5", settings=settings), format="yolo")
    assert "data.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_without_a_picture_is_refused(tmp_path):
    save(tmp_path, "0 0.5 0.5 0.25 0.5")
    (tmp_path / "labels" / "b.txt").write_text("0 0.5 0.5 0.25 0.5")
    with pytest.raises(DataError, match=r"b\.txt.*got b\.jpg.*--images"):
        read_dataset(tmp_path)


def test_no_labels_at_all_and_no_names_are_refused(tmp_path):
    save(tmp_path, None)
    with pytest.raises(DataError, match="no picture has a label file"):
        read_dataset(tmp_path)
    (tmp_path / "data.yaml").unlink()
    with pytest.raises(DataError, match="no class names"):
        read_dataset(tmp_path)
