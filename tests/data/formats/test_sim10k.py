"""SIM10k: cars in VOC's layout."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from handful.data.formats import detect_format, read_dataset
from handful.errors import DataError

OBJECT = (
    "<object><name>{}</name><bndbox><xmin>3</xmin><ymin>1</ymin><xmax>{}</xmax><ymax>9</ymax>"
    "</bndbox></object>"
)


def save(root: Path, *names: str, stem="3384645", right=9) -> Path:
    home = root / "VOC2012"
    for part in ("Annotations", "JPEGImages"):
        (home / part).mkdir(parents=True, exist_ok=True)
    objects = "".join(OBJECT.format(name, right) for name in names)
    (home / "Annotations" / f"{stem}.xml").write_text(
        f"<annotation><filename>{stem}.jpg</filename><size><width>40</width><height>20</height>"
        f"</size>{objects}</annotation>"
    )
    Image.new("RGB", (40, 20)).save(home / "JPEGImages" / f"{stem}.jpg")
    return root


def test_cars_are_read_and_the_others_counted(tmp_path):
    save(tmp_path, "person", "car", "motorbike")
    save(tmp_path, stem="3384646")
    dataset = read_dataset(tmp_path)
    assert detect_format(tmp_path) == "sim10k"
    assert dataset.class_names == ("car",)
    assert dataset.table.boxes.tolist() == [[2, 0, 9, 9]]
    assert dataset.table.labels.tolist() == [0]
    assert len(dataset) == 2
    assert dataset.notes == ("2 objects that are not cars were left out",)


def test_pascal_voc_is_not_taken_for_it(tmp_path):
    save(tmp_path, "car", stem="2008_000123")
    with pytest.raises(DataError, match="not a data set of a known format"):
        detect_format(tmp_path)
    assert detect_format(tmp_path / "VOC2012") == "voc"
    assert len(read_dataset(tmp_path / "VOC2012", format="sim10k").table) == 1


def test_absurd_boxes_are_refused_by_file(tmp_path):
    with pytest.raises(DataError, match=r"object 1 \(car\).*outside.*3384645\.xml"):
        read_dataset(save(tmp_path, "car", right=90))
