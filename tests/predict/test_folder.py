"""Many pictures: all are looked at before any work is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_detector import logo, scene, tiny_detector

from handful.errors import DataError
from handful.predict.folder import detect_files, pictures_of


def test_pictures_of_a_folder_come_sorted_and_are_searched_in_order(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    scene((1, 8, 32)).save(tmp_path / "b.png")
    scene().save(tmp_path / "a.png")
    scene((1, 80, 0)).save(tmp_path / "deep" / "c.png")
    (tmp_path / "notes.txt").write_text("no picture")
    files = pictures_of(tmp_path)
    assert [file.name for file in files] == ["a.png", "b.png", "c.png"]
    detector = tiny_detector().remember({"one": logo(1)})
    assert [(f.name, len(d)) for f, d in detect_files(detector, files)] == [
        ("a.png", 0),
        ("b.png", 1),
        ("c.png", 1),
    ]


def test_one_picture_is_itself_if_it_is_whole(tmp_path: Path) -> None:
    scene().save(tmp_path / "a.png")
    assert pictures_of(tmp_path / "a.png") == [tmp_path / "a.png"]
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:3000])
    with pytest.raises(DataError, match="b.png"):
        pictures_of(tmp_path / "b.png")


@pytest.mark.parametrize("spoil", [b"", b"not a picture"])
def test_a_file_that_is_no_picture_is_named(tmp_path: Path, spoil: bytes) -> None:
    scene().save(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(spoil)
    with pytest.raises(DataError, match="b.jpg"):
        pictures_of(tmp_path)
