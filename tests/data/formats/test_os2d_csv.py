"""OS2D's CSV layout and the published sets laid out so, on tiny copies."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from handful.data.dataset import Dataset
from handful.data.formats import NAMED, detect_format, named_set, read_dataset, read_named
from handful.data.images import read_image
from handful.errors import DataError

HEADER = "imageid,imagefilename,classid,classfilename,gtbboxid,difficult,lx,ty,rx,by,split\n"
BARE = "imageid,classid,lx,ty,rx,by\n"
LINES = {
    "train": [
        "7,7.jpg,30,30.jpg,1,0,0.1,0.1,0.5,0.5,train",
        "3,3.jpg,4,4.jpg,2,1,0,0,1,1,train",
        "7,7.jpg,4,4.jpg,3,0,0.5,0.5,1,1,train",
        "8,8.jpg,4,4.jpg,4,0,0.5,0.5,1,1,train",
    ],
    "val": [
        "20,20.jpg,4,4.jpg,5,0,0.1,0.2,0.3,0.4,val-old-cl",
        "20,20.jpg,50,50.jpg,6,1,0.1,0.2,0.3,0.4,val-new-cl",
        "21,21.jpg,4,4.jpg,7,0,0.1,0.2,0.3,0.4,val-old-cl",
        "22,22.jpg,51,51.jpg,8,0,0.5,0.5,1.03,1,val-new-cl",
    ],
}


def save(root: Path, lines: list[str], *, name="grozi", scenes="src/3264", header=HEADER) -> Path:
    """Draw a tiny data set: 40 x 20 scenes, class pictures of 8 x 8."""
    folder = root / name
    pictures, classes = folder / scenes, folder / "classes" / "images"
    pictures.mkdir(parents=True)
    classes.mkdir(parents=True)
    for stem in (3, 7, 8, 20, 21, 22):
        Image.new("RGB", (40, 20)).save(pictures / f"{stem}.jpg")
    for stem in (4, 30, 50, 51):
        Image.new("RGB", (8, 8)).save(classes / f"{stem}.jpg")
    (folder / "classes" / f"{name}.csv").write_text(header + "\n".join(lines) + "\n")
    return folder


def summary(dataset: Dataset) -> tuple[list[int], list[int], tuple[int, ...]]:
    pictures = [picture.id for picture in dataset.pictures]
    return pictures, dataset.table.ids.tolist(), dataset.class_ids


def test_boxes_are_relative_and_classes_have_pictures(tmp_path):
    folder = save(tmp_path, LINES["train"])
    dataset = read_dataset(folder)
    assert detect_format(folder) == "os2d-csv"
    assert summary(dataset) == ([7, 3, 8], [1, 2, 3, 4], (4, 30))
    assert dataset.class_names == ("4", "30")
    assert dataset.table.labels.tolist() == [1, 0, 0, 0]
    assert dataset.table.boxes[0].tolist() == [4, 2, 20, 10]
    assert dataset.table.difficult.tolist() == [False, True, False, False]
    assert [example.name for example in dataset.examples] == ["4", "30"]
    assert read_image(dataset.examples[0].image).size == (8, 8)


def test_only_six_columns_are_needed(tmp_path):
    folder = save(tmp_path, ["7,30,0.1,0.1,0.5,0.5"], header=BARE)
    table = folder / "classes" / "grozi.csv"
    assert detect_format(table) == "os2d-csv"
    dataset = read_dataset(table)
    assert summary(dataset) == ([7], [1], (30,))
    assert dataset.pictures[0].file_name == "7.jpg"


def test_pictures_are_not_turned_by_exif(tmp_path):
    folder = save(tmp_path, LINES["train"])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 20)).save(folder / "src" / "3264" / "7.jpg", exif=exif)
    dataset = read_dataset(folder)
    assert (dataset.pictures[0].width, dataset.pictures[0].height) == (40, 20)
    assert dataset[0][0].size == (40, 20)


GROZI = LINES["train"] + LINES["val"]


@pytest.mark.parametrize(
    ("name", "pictures", "boxes", "classes"),
    [
        ("grozi-train", [7, 3, 8], [1, 2, 3, 4], (4, 30)),
        ("grozi-val-new-cl", [20, 21, 22], [6, 8], (50, 51)),
        ("grozi-val-old-cl", [20, 21, 22], [5, 7], (4,)),
        ("grozi-val-all", [20, 21, 22], [5, 6, 7, 8], (4, 50, 51)),
        ("grozi-train-mini", [7, 3], [1, 2, 3], (4, 30)),
    ],
)
def test_the_splits_of_grozi(tmp_path, name, pictures, boxes, classes):
    save(tmp_path, GROZI)
    dataset = read_named(name, tmp_path)
    assert summary(dataset) == (pictures, boxes, classes)
    assert dataset.name == name
    assert len(dataset.examples) == len(classes)


def test_boxes_of_published_sets_are_clipped_however_far_they_leave(tmp_path):
    save(tmp_path, [line.replace("1.03", "1.3") for line in GROZI])
    boxes = read_named("grozi-val-new-cl", tmp_path).table.boxes
    assert boxes[1].tolist() == [20, 10, 40, 20]
    with pytest.raises(DataError, match="line 9 has a box outside its picture"):
        read_dataset(tmp_path / "grozi")


@pytest.mark.parametrize(
    ("name", "folder", "difficult"),
    [
        ("dairy", "dairy", [False, True, False, False]),
        ("paste-v", "paste", [False, True, False, False]),
        ("paste-f", "paste", [False] * 4),
    ],
)
def test_dairy_and_paste(tmp_path, name, folder, difficult):
    lines = [line.removesuffix(",train") for line in LINES["train"]]
    header = HEADER.replace(",split", "")
    place = save(tmp_path, lines, name=folder, scenes="src/original", header=header)
    for dataset in (
        read_named(name, tmp_path),
        read_named(name, place),
        read_dataset(tmp_path, format=name),
    ):
        assert summary(dataset) == ([7, 3, 8], [1, 2, 3, 4], (4, 30))
        assert dataset.table.difficult.tolist() == difficult


@pytest.mark.parametrize(
    ("name", "scale", "image_size", "views"),
    [
        ("grozi-val-new-cl", 1280, 3264, ""),
        ("dairy", 3500, 3000, ""),
        ("paste-v", 3500, 1280, ""),
        ("paste-f", 2000, 1280, "rotation90"),
        ("instre-s1-test", 700, 1000, "rotation90"),
        ("instre-s2-val", 600, 1000, "rotation90"),
        ("imagenet-repmet-test-episode-499", 250, 1000, "horflip"),
    ],
)
def test_scales_of_published_sets(name, scale, image_size, views):
    facts = named_set(name)
    assert (facts.scale, facts.image_size, facts.views) == (scale, image_size, views)


def test_published_counts():
    assert (NAMED["grozi-train"].boxes, NAMED["grozi-train"].plain_boxes) == (7781, 5755)
    assert (NAMED["dairy"].pictures, NAMED["dairy"].classes) == (12, 166)
    assert (NAMED["paste-v"].plain_boxes, NAMED["paste-f"].plain_boxes) == (3478, 4861)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("grozi-val-new", "unknown data set.*Did you mean 'grozi-val-new-cl'"),
        ("imagenet-repmet-test-episode-500", "unknown data set"),
        ("dairy", "dairy is not there.*Name the folder that holds it"),
    ],
)
def test_unknown_and_missing_sets_are_refused(tmp_path, name, says):
    with pytest.raises(DataError, match=says):
        read_named(name, tmp_path)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x,7.jpg,4,4.jpg,2,0,0,0,1,1,train", "line 2.*'imageid'.*'x'.*whole number"),
        ("7,7.jpg,,4.jpg,2,0,0,0,1,1,train", "line 2.*'classid'"),
        ("7,7.jpg,4,4.jpg,2,0,0,a,1,1,train", "line 2.*'lx, ty, rx, by'.*'a'"),
        ("7,7.jpg,4,4.jpg,2,0,0,0,1", "line 2.*'lx, ty, rx, by'"),
        ("7,7.jpg,4,4.jpg,2,0,0.5,0,0.5,1,train", "line 2 has a box of no area"),
        ("7,7.jpg,4,4.jpg,2,0,0,0,nan,1,train", "line 2.*not a number"),
        ("7,7.jpg,4,4.jpg,2,0,0,0,1.2,1,train", "line 2 has a box outside"),
        ("9,9.jpg,4,4.jpg,2,0,0,0,1,1,train", r"line 2 names a picture.*9\.jpg"),
        ("7,7.jpg,9,9.jpg,2,0,0,0,1,1,train", r"a class has no picture.*class 9.*9\.jpg"),
        (
            "7,7.jpg,4,4.jpg,2,0,0,0,1,1,train\n7,7.jpg,4,30.jpg,2,0,0,0,1,1,train",
            r"line 3 names another picture for its class.*30\.jpg.*4\.jpg",
        ),
    ],
)
def test_bad_lines_are_refused_by_number(tmp_path, line, says):
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(save(tmp_path, [line]))
    assert "grozi.csv" in str(caught.value)


def test_missing_columns_tables_and_scenes_are_refused(tmp_path):
    folder = save(tmp_path, [], header="imageid,classid,lx,ty,rx\n")
    with pytest.raises(DataError, match="the table lacks a field.*'by'"):
        read_dataset(folder / "classes" / "grozi.csv", format="os2d-csv")
    with pytest.raises(DataError, match="no OS2D table"):
        read_dataset(folder, format="os2d-csv")
    table = tmp_path / "a" / "b.csv"
    table.parent.mkdir()
    table.write_text(BARE)
    with pytest.raises(DataError, match="no folder of scenes.*--images"):
        read_dataset(table)
