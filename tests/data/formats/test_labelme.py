"""LabelMe files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.formats import detect_format, read_dataset, write_dataset
from handful.errors import DataError

TRIANGLE = [[2, 2], [12, 2], [7, 9]]


def shape(label="part", points=TRIANGLE, kind: str | None = "polygon", **more) -> dict:
    return {"label": label, "points": points, "shape_type": kind, "flags": {}, **more}


def save(folder: Path, *shapes: dict, stem="a", mode="RGB", **changes) -> Path:
    """Write a picture of 40 x 20 and its LabelMe file; ``changes`` go into the file."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.new(mode, (40, 20)).save(folder / f"{stem}.png")
    document = {
        "version": "5.4.1",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": f"{stem}.png",
        "imageData": None,
        "imageHeight": 20,
        "imageWidth": 40,
        **changes,
    }
    (folder / f"{stem}.json").write_text(json.dumps(document))
    return folder


def test_polygons_rectangles_and_circles_become_boxes_and_outlines(tmp_path):
    save(
        tmp_path,
        shape(),
        shape("lid", [[30, 15], [20, 5]], "rectangle"),
        shape("lid", [[10, 10], [14, 13]], "circle"),
        shape("lid", kind=None),
    )
    dataset = read_dataset(tmp_path)
    assert detect_format(tmp_path) == detect_format(tmp_path / "a.json") == "labelme"
    assert dataset.class_names == ("lid", "part")
    assert dataset.table.labels.tolist() == [1, 0, 0, 0]
    assert dataset.table.boxes.tolist() == [
        [2, 2, 12, 9],
        [20, 5, 30, 15],
        [5, 5, 15, 15],
        [2, 2, 12, 9],
    ]
    assert dataset.outlines[0] == ((2, 2, 12, 2, 7, 9),)
    assert dataset.outlines[1] == ((20, 5, 30, 5, 30, 15, 20, 15),)


def test_rectangles_alone_are_boxes_without_outlines(tmp_path):
    save(tmp_path, shape(points=[[1, 2], [9, 2], [9, 8], [1, 8]], kind="rectangle"))
    dataset = read_dataset(tmp_path)
    assert dataset.outlines is None
    assert dataset.table.boxes.tolist() == [[1, 2, 9, 8]]


def test_shapes_of_one_group_and_label_are_one_object(tmp_path):
    far = [[30, 12], [36, 12], [33, 19]]
    save(tmp_path, shape(group_id=4), shape(points=far, group_id=4), shape("lid", group_id=4))
    dataset = read_dataset(tmp_path)
    assert dataset.table.boxes.tolist() == [[2, 2, 36, 19], [2, 2, 12, 9]]
    assert [len(parts) for parts in dataset.outlines] == [2, 1]


def test_outlines_that_leave_their_picture_are_clipped_and_counted(tmp_path):
    save(tmp_path, shape(points=[[-10, 5], [10, 5], [10, 15], [-10, 15]]), shape())
    dataset = read_dataset(tmp_path)
    assert dataset.table.boxes.tolist() == [[0, 5, 10, 15], [2, 2, 12, 9]]
    assert dataset.notes == ("1 outlines leave their picture and were clipped",)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (shape(points=TRIANGLE[:2]), r"shape 1 \(part\) has too few points.*'points'.*2 points"),
        (shape(points=[[1, 1]], kind="circle"), "too few points.*1 points.*2 points or more"),
        (shape(kind="linestrip"), "shape 1.*is no object.*'shape_type'.*'linestrip'.*polygon"),
        (shape(points=[[90, 1], [99, 1], [95, 9]]), "outside its picture.*'points'.*40 x 20"),
        (shape(points=[[1, 1], [5, 1], [9, 1]]), r"shape 1 \(part\) has no area"),
        (shape(points=[[1, 1], [5, None], [9, 1]]), "wrong type.*'points'"),
        ({"label": "part"}, "lacks a field.*'points'"),
        ({"points": TRIANGLE}, "shape 1 lacks a field.*'label'"),
        (7, "'shapes'.*a list of shapes"),
    ],
)
def test_bad_shapes_are_refused_by_file_and_field(tmp_path, entry, says):
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(save(tmp_path, entry))
    assert "a.json" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"imagePath": ""}, "'imagePath'"),
        ({"imageHeight": 0}, "no area.*'imageHeight'"),
        ({"imageWidth": "wide"}, "'imageWidth'.*whole number"),
    ],
)
def test_bad_fields_are_refused(tmp_path, changes, says):
    with pytest.raises(DataError, match=says):
        read_dataset(save(tmp_path, shape(), **changes))


@pytest.mark.parametrize("written", ["a.png", r"C:\photos\a.png", "../old/a.png", "a", "old.png"])
def test_pictures_are_found_where_the_file_lies(tmp_path, written):
    dataset = read_dataset(save(tmp_path, shape(), imagePath=written))
    assert dataset.pictures[0].path == tmp_path / "a.png"


def test_a_missing_picture_is_named_and_may_lie_elsewhere(tmp_path):
    folder = save(tmp_path / "labels", shape())
    (tmp_path / "pictures").mkdir()
    (folder / "a.png").rename(tmp_path / "pictures" / "a.png")
    with pytest.raises(DataError, match=r"imagePath names a picture.*a\.json.*--images"):
        read_dataset(folder)
    assert len(read_dataset(folder, require_pictures=False)) == 1
    assert read_dataset(folder, images=tmp_path / "pictures")[0][0].size == (40, 20)


def test_sizes_that_are_not_said_are_read_from_grey_pictures(tmp_path):
    folder = save(tmp_path, shape(), mode="L", imageHeight=None, imageWidth=None)
    dataset = read_dataset(folder)
    assert (dataset.pictures[0].width, dataset.pictures[0].height) == (40, 20)
    assert dataset[0][0].mode == "RGB"


def test_parts_and_marks_are_written_and_come_back(tmp_path):
    parts = ((2.0, 2.0, 12.0, 2.0, 7.0, 9.0), (30.0, 12.0, 36.0, 12.0, 33.0, 19.0))
    table = BoxTable.of([0], [[2, 2, 36, 19]], [0], crowd=[True], difficult=[True])
    picture = Picture(1, "a.png", 40, 20, Image.new("RGB", (40, 20)))
    dataset = Dataset("some", (picture,), table, ("part",), outlines=(parts,))
    write_dataset(dataset, tmp_path / "out", format="labelme")
    again = read_dataset(tmp_path / "out")
    assert again.outlines == (parts,)
    assert again.table.crowd.tolist() == again.table.difficult.tolist() == [True]
    assert json.loads((tmp_path / "out" / "a.json").read_text())["imagePath"] == "a.png"


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="no LabelMe files"):
        read_dataset(tmp_path, format="labelme")
