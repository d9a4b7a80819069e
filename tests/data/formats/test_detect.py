"""Knowing a format by its content, and refusing to guess."""

from __future__ import annotations

import pytest
from PIL import Image

from handful.data.formats import (
    FORMATS,
    detect_format,
    format_named,
    read_dataset,
    write_dataset,
)
from handful.errors import DataError

WRITTEN = {"coco", "voc", "yolo", "labelme", "os2d-csv", "odgt", "crops"}
READ_ONLY = {
    "cityscapes",
    "cityscapes-foggy",
    "cityscapes-foggy-0.01",
    "cityscapes-foggy-0.005",
    "kitti",
    "kitti-car",
    "kitti-cityscapes",
    "sim10k",
    "instre",
    "odgt-visible",
    "odgt-head",
}


def test_every_format_says_what_it_is():
    assert set(FORMATS) == WRITTEN | READ_ONLY
    assert all(format.description for format in FORMATS.values())
    assert {name for name, format in FORMATS.items() if format.write is None} == READ_ONLY
    assert all(name == format.name for name, format in FORMATS.items())


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("annotations", '\ufeff {"images": []', "coco"),
        ("results.txt", "[1]", "coco"),
        ("empty.json", "", "coco"),
        ("a.json", '\ufeff{"version": "5", "shapes": [], "imagePath": "a.png"}', "labelme"),
        ("table", "classid,imageid,lx,ty,rx,by\n", "os2d-csv"),
        ("set.yml", "names: [a]", "yolo"),
        ("val.odgt", '{"ID": "a", "gtboxes": []}', "odgt"),
    ],
)
def test_files_are_known_by_their_content(tmp_path, name, content, format):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    assert detect_format(path) == format


@pytest.mark.parametrize("content", ["", "hello", "imageid,classid\n", "\x00\x01"])
def test_files_of_no_format_are_refused(tmp_path, content):
    path = tmp_path / "thing.txt"
    path.write_text(content)
    with pytest.raises(DataError, match=r"not a data set.*thing\.txt.*coco, voc.*--format"):
        detect_format(path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="not a data set of a known format"):
        detect_format(tmp_path)


def test_two_formats_in_one_folder_are_refused_unless_named(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    (tmp_path / "a.xml").write_text("<annotation><filename>a.png</filename></annotation>")
    (tmp_path / "set.json").write_text('{"images": [], "annotations": [], "categories": []}')
    with pytest.raises(DataError, match="could be of several formats.*coco, voc.*--format"):
        read_dataset(tmp_path)
    assert len(read_dataset(tmp_path, format="voc")) == 1
    assert len(read_dataset(tmp_path, format="crops")) == 1


def test_unknown_names_are_refused_with_the_nearest(tmp_path):
    with pytest.raises(DataError, match="unknown format.*got cocoa.*Did you mean 'coco'"):
        format_named("cocoa")
    with pytest.raises(DataError, match="no such folder of pictures.*--images"):
        read_dataset(tmp_path, format="crops", images=tmp_path / "nowhere")


def test_a_format_that_is_only_read_is_refused(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(DataError, match="only read.*instre"):
        write_dataset(read_dataset(tmp_path), tmp_path / "out", format="instre")
