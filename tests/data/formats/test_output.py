"""Folders are written whole or not at all; pictures keep their pixels."""

from __future__ import annotations

import stat

import pytest
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.formats import write_dataset
from handful.data.formats.output import (
    name_to_stem,
    picture_stems,
    replacing_folder,
    save_picture,
    stem_to_name,
)
from handful.data.images import AsStored, read_image
from handful.errors import DataError

FOLDERS = ["voc", "yolo", "labelme", "os2d-csv", "crops"]


def dataset_of(*sources) -> Dataset:
    pictures = tuple(Picture(i, f"{i}.png", 8, 6, source) for i, source in enumerate(sources))
    boxes = [[1, 1, 3, 3]] * len(pictures)
    return Dataset(
        "some", pictures, BoxTable.of(range(len(boxes)), boxes, [0] * len(boxes)), ("cup",)
    )


@pytest.mark.parametrize("format", FOLDERS)
def test_nothing_is_left_if_a_later_picture_fails(tmp_path, format):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    dataset = dataset_of(Image.new("RGB", (8, 6)), lambda: read_image(broken))
    with pytest.raises(DataError, match="empty"):
        write_dataset(dataset, tmp_path / "out", format=format)
    assert [file.name for file in tmp_path.iterdir()] == ["broken.png"]


@pytest.mark.parametrize("format", FOLDERS)
def test_a_folder_with_something_in_it_is_refused_and_stays(tmp_path, format):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="not an empty folder.*out.*Name a new folder"):
        write_dataset(dataset_of(Image.new("RGB", (8, 6))), tmp_path / "out", format=format)
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled_and_others_may_enter(tmp_path):
    (tmp_path / "out").mkdir()
    with replacing_folder(tmp_path / "out") as folder:
        (folder / "a.txt").touch()
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    ordinary = tmp_path / "ordinary"
    ordinary.mkdir()
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == stat.S_IMODE(ordinary.stat().st_mode)


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(DataError, match="Name a"), replacing_folder(place):
            pass


def test_a_picture_that_is_gone_is_named(tmp_path):
    with pytest.raises(DataError, match=r"not there.*gone\.jpg"):
        write_dataset(dataset_of(tmp_path / "gone.jpg"), tmp_path / "out", format="voc")


def test_a_picture_that_must_not_be_turned_is_saved_anew(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    Image.new("RGB", (8, 6)).save(path, exif=exif)
    stored = Picture(1, "a.jpg", 8, 6, AsStored(path))
    name = save_picture(stored, tmp_path, "b")
    assert name == "b.png"
    assert read_image(tmp_path / name).size == (8, 6)
    upright = Picture(1, "a.jpg", 6, 8, path)
    assert save_picture(upright, tmp_path, "c") == "c.jpg"
    assert (tmp_path / "c.jpg").read_bytes() == path.read_bytes()


def test_stems_are_the_pictures_own_and_never_equal():
    names = ["a/x.jpg", "b/x.png", r"c\X.jpg", "y:1.jpg", "/", "..."]
    stems = picture_stems(Picture(0, name, 1, 1, "") for name in names)
    assert stems == ["x", "x-2", "X-3", "y_1", "picture", "picture-2"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("cup", "cup"),
        ("traffic light", "traffic light"),
        ("50/50", "50%2F50"),
        ("100%", "100%25"),
        ("..", "%2E%2E"),
        (" a", "%20%61"),
        ("Müsli", "Müsli"),
        ("a:b?", "a%3Ab%3F"),
    ],
)
def test_class_names_become_file_stems_and_come_back(name, stem):
    assert name_to_stem(name).replace("%61", "a") == stem.replace("%61", "a")
    assert stem_to_name(name_to_stem(name)) == name


def test_a_class_without_a_name_cannot_be_written():
    with pytest.raises(DataError, match="without a name"):
        name_to_stem("")
