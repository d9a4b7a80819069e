"""Folders of crops."""

from __future__ import annotations

import pytest
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.formats import detect_format, read_dataset, write_dataset
from handful.data.images import read_image
from handful.errors import DataError
from handful.structures import Exemplar


def test_classes_are_sub_folders_and_files(tmp_path):
    for name in ("cup/2.png", "cup/1.png", "key.png", "50%2F50.png", "cup/deep/no.png"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 6)).save(file)
    dataset = read_dataset(tmp_path)
    assert detect_format(tmp_path) == "crops"
    assert dataset.class_names == ("50/50", "cup", "key")
    assert [e.name for e in dataset.examples] == ["50/50", "cup", "cup", "key"]
    assert dataset.exemplars() == dataset.examples
    assert dataset.table.boxes.tolist() == [[0, 0, 8, 6]] * 4


def test_examples_are_cut_out_at_whole_pixels_and_files_copied(tmp_path):
    scene = Image.new("RGB", (20, 20), "white")
    scene.paste("red", (5, 5, 9, 11))
    own = tmp_path / "own.png"
    Image.new("RGB", (3, 2)).save(own)
    dataset = Dataset(
        "drawn",
        (Picture(1, "scene", 20, 20, scene),),
        BoxTable.of([0], [[5, 5, 9, 11]], [0]),
        ("a/b",),
        examples=(Exemplar("a/b", scene, (5.3, 4.8, 9.2, 11.4)), Exemplar("a/b", own)),
    )
    write_dataset(dataset, tmp_path / "out", format="crops")
    cut = read_image(tmp_path / "out" / "a%2Fb" / "0001.png")
    assert cut.size == (4, 6)
    assert cut.getcolors() == [(24, (255, 0, 0))]
    assert (tmp_path / "out" / "a%2Fb" / "0002.png").read_bytes() == own.read_bytes()


def test_a_folder_without_crops_is_refused(tmp_path):
    (tmp_path / "cup").mkdir()
    with pytest.raises(DataError, match="no crops"):
        read_dataset(tmp_path, format="crops")
    with pytest.raises(DataError, match="not a folder"):
        read_dataset(__file__, format="crops")


def test_a_damaged_crop_is_refused_by_name(tmp_path):
    (tmp_path / "cup.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"empty.*cup\.png"):
        read_dataset(tmp_path)
