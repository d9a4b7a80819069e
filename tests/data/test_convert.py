"""Converting data sets and saying what is lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from handful.data.convert import data_convert
from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.formats import read_dataset, write_dataset
from handful.errors import DataError


def save_coco(folder: Path, *, marks: bool = True) -> Path:
    picture = Picture(1, "scene", 20, 20, Image.new("RGB", (20, 20)))
    dataset = Dataset(
        "some",
        (picture,),
        BoxTable.of(
            [0, 0],
            [[1, 1, 9, 9], [2, 2, 8, 8]],
            [0, 1],
            crowd=[marks, False],
            difficult=[False, marks],
        ),
        ("cup", "key", "ape") if marks else ("cup", "key"),
        outlines=(((1.0, 1.0, 9.0, 1.0, 9.0, 9.0),),) * 2 if marks else None,
    )
    write_dataset(dataset, folder / "in.json", format="coco")
    return folder / "in.json"


@pytest.mark.parametrize(
    ("to", "lost"),
    [
        ("coco", ()),
        ("voc", ("crowd marks", "outlines", "classes without a box")),
        ("yolo", ("crowd marks", "difficult marks", "outlines")),
        ("labelme", ("classes without a box",)),
        ("os2d-csv", ("crowd marks", "outlines", "classes without a box")),
    ],
)
def test_what_the_new_format_cannot_hold_is_told(tmp_path, to, lost):
    done = data_convert(save_coco(tmp_path), tmp_path / "out", to=to)
    assert done.lost == lost
    assert (done.source_format, done.destination_format) == ("coco", to)
    assert (done.pictures, done.boxes, done.classes) == (1, 2, 3)
    again = read_dataset(tmp_path / "out", format=to)
    assert len(again.table) == (1 if to == "yolo" else 2)


def test_plain_boxes_lose_nothing_but_their_scene(tmp_path):
    source = save_coco(tmp_path, marks=False)
    assert data_convert(source, tmp_path / "voc", to="voc").lost == ()
    assert data_convert(source, tmp_path / "yolo", to="yolo").lost == ()
    cut = data_convert(source, tmp_path / "crops", to="crops")
    assert cut.lost == ("boxes in their pictures (each box is cut out)",)
    assert data_convert(tmp_path / "crops", tmp_path / "more", to="crops").lost == ()
    assert data_convert(tmp_path / "crops", tmp_path / "more.json").lost == ()


def test_class_pictures_get_lost_in_coco(tmp_path):
    data_convert(save_coco(tmp_path, marks=False), tmp_path / "set", to="os2d-csv")
    done = data_convert(tmp_path / "set", tmp_path / "out.json")
    assert done.lost == ("example pictures of the classes",)


def test_a_json_destination_means_coco_and_others_must_say(tmp_path):
    source = save_coco(tmp_path)
    assert data_convert(source, tmp_path / "out.JSON").destination_format == "coco"
    with pytest.raises(DataError, match="does not say its format.*--to voc"):
        data_convert(source, tmp_path / "out")
    with pytest.raises(DataError, match="source and destination are one"):
        data_convert(source, tmp_path / "." / "in.json")


def test_a_bad_source_writes_nothing(tmp_path):
    source = save_coco(tmp_path)
    (tmp_path / "images" / "scene.png").unlink()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="image 1 names a picture that is not there"):
        data_convert(source, tmp_path / "out", to="voc")
    assert sorted(tmp_path.rglob("*")) == before


def test_run_lengths_stay_in_coco_and_are_told_elsewhere(tmp_path):
    source = save_coco(tmp_path, marks=False)
    document = json.loads(source.read_text())
    size = [document["images"][0][side] for side in ("height", "width")]
    counts = [0, size[0] * size[1]]
    for annotation in document["annotations"]:
        annotation["segmentation"] = {"size": size, "counts": counts}
    source.write_text(json.dumps(document))
    assert data_convert(source, tmp_path / "again.json", to="coco").lost == ()
    lost = data_convert(source, tmp_path / "labelme", to="labelme").lost
    assert lost == ("masks written as run lengths",)
    again = read_dataset(tmp_path / "labelme", format="labelme")
    assert again.table.boxes.tolist() == read_dataset(source).table.boxes.tolist()
