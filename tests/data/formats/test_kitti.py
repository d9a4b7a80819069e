"""KITTI's object set on tiny copies of its layout."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from handful.data.formats import detect_format, read_dataset
from handful.errors import DataError

REST = "1.5 1.6 3.7 2.1 1.7 20.0 -1.5"


def line(type="Car", box="10.5 5 20.25 15", rest=REST) -> str:
    return f"{type} 0.00 0 -1.58 {box} {rest}\n"


def save(root: Path, *lines: str, stem="000000", suffix=".png") -> Path:
    labels, pictures = (root / "training" / name for name in ("label_2", "image_2"))
    labels.mkdir(parents=True, exist_ok=True)
    pictures.mkdir(parents=True, exist_ok=True)
    (labels / f"{stem}.txt").write_text("".join(lines))
    Image.new("RGB", (60, 20)).save(pictures / f"{stem}{suffix}")
    return root


def test_corners_are_read_as_they_are(tmp_path):
    save(tmp_path, line(), "\n", line("Person_sitting", "0.00 0.00 61.20 20.90"))
    save(tmp_path, line(rest=REST + " 0.9"), stem="000001", suffix=".jpg")
    save(tmp_path, stem="000002")
    dataset = read_dataset(tmp_path)
    assert detect_format(tmp_path) == "kitti"
    assert dataset.table.boxes.tolist() == [
        [10.5, 5, 20.25, 15],
        [0, 0, 60, 20],
        [10.5, 5, 20.25, 15],
    ]
    assert dataset.table.picture.tolist() == [0, 0, 1]
    assert [picture.file_name for picture in dataset.pictures] == [
        "000000.png",
        "000001.jpg",
        "000002.png",
    ]
    assert dataset.class_names[:2] == ("Car", "Van")


@pytest.mark.parametrize(
    ("format", "expected"),
    [
        ("kitti-car", [("car", False), ("car", True), ("car", True)]),
        (
            "kitti-cityscapes",
            [("car", False), ("car", False), ("rider", False)]
            + [(name, True) for name in ("person", "car", "rider", "truck", "train")],
        ),
    ],
)
def test_mappings_say_which_class_a_type_is(tmp_path, format, expected):
    save(tmp_path, line(), line("Van"), line("Cyclist"), line("DontCare", rest=REST))
    dataset = read_dataset(tmp_path, format=format)
    got = [
        (dataset.class_names[label], crowd)
        for label, crowd in zip(
            dataset.table.labels.tolist(), dataset.table.crowd.tolist(), strict=True
        )
    ]
    assert got == expected


@pytest.mark.parametrize("place", [".", "training", "training/label_2"])
def test_any_folder_of_the_layout_can_be_named(tmp_path, place):
    save(tmp_path, line())
    assert detect_format(tmp_path / place) == "kitti"
    assert len(read_dataset(tmp_path / place).table) == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Car 0 0 -1.58 1 2\n", "line 1 has the wrong number of fields.*got 6.*15"),
        (line("car"), "line 1 has an unknown type.*'type'.*Did you mean 'Car'"),
        (line() + line(box="1 2 x 9"), "line 2 has a field of the wrong type.*'right'.*'x'"),
        (line(box="9 9 3 12"), r"line 1 \(Car\) has a box of no area"),
        (line(box="9 9 90 12"), r"line 1 \(Car\) has a box outside its picture.*60 x 20"),
        (line(box="9 9 nan 12"), "line 1.*not a number"),
    ],
)
def test_bad_lines_are_refused_by_number(tmp_path, text, says):
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(save(tmp_path, text))
    assert "000000.txt" in str(caught.value)


def test_missing_pictures_are_named_and_may_lie_elsewhere(tmp_path):
    save(tmp_path / "root", line())
    picture = tmp_path / "root" / "training" / "image_2" / "000000.png"
    (tmp_path / "other").mkdir()
    picture.rename(tmp_path / "other" / "000000.png")
    with pytest.raises(DataError, match=r"000000\.txt.*image_2/000000\.png.*--images"):
        read_dataset(tmp_path / "root")
    assert len(read_dataset(tmp_path / "root", images=tmp_path / "other")) == 1


def test_a_folder_without_labels_is_refused(tmp_path):
    with pytest.raises(DataError, match="no labels of KITTI.*training/label_2"):
        read_dataset(tmp_path, format="kitti")
