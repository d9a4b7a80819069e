from __future__ import annotations

from pathlib import Path

import pytest
from field_layout import write_annotation, write_picture_list, write_shot_list
from PIL import Image

from handful.data.splits.divisions import class_division
from handful.errors import DataError
from handful.methods.mpsr.shots import MPSRData

DIVISION = class_division("voc1")
PICTURES = {
    "000001": [{"name": "car"}, {"name": "dog", "bbox": (2, 3, 12, 9)}],
    "000002": [{"name": "car"}, {"name": "bird"}],
    "000003": [{"name": "sofa"}],
    "2008_000004": [{"name": "cat", "difficult": 1}],
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root with pictures of both years, and one-shot lists of seed 3 without a cat."""
    for image_id, things in PICTURES.items():
        write_annotation(tmp_path, image_id, things)
        place = tmp_path / f"VOC{2012 if '_' in image_id else 2007}" / "JPEGImages"
        place.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (200, 200)).save(place / f"{image_id}.jpg")
    write_picture_list(tmp_path, 2007, "trainval", [one for one in PICTURES if "_" not in one])
    write_picture_list(tmp_path, 2012, "trainval", [one for one in PICTURES if "_" in one])
    write_annotation(tmp_path, "000005", [{"name": name} for name in DIVISION.everything])
    Image.new("RGB", (200, 200)).save(tmp_path / "VOC2007" / "JPEGImages" / "000005.jpg")
    for name in DIVISION.everything:
        listed = "2008_000004" if name == "cat" else "000005"
        write_shot_list(tmp_path / "vocsplit" / "seed3", 1, name, [listed])
    return tmp_path


@pytest.mark.parametrize(
    ("options", "pictures", "boxes"),
    [({}, [1, 2], 3), ({"drop_novel": True}, [1], 2), ({"smallest_box": 20.0}, [1, 2], 2)],
)
def test_base_sets_hold_what_can_be_learned(root, options, pictures, boxes):
    found = MPSRData(root=root, **options).read_train()
    assert [picture.id for picture in found.pictures] == pictures
    assert found.class_names == DIVISION.base
    assert len(found.table) == boxes
    assert not found.table.difficult.any()
    assert found.table.boxes[0].tolist() == [1, 2, 39, 49]


def test_a_class_without_a_shot_is_named_unless_that_is_allowed(root):
    data = {"stage": "novel", "setting": "gfsod", "shots": 1, "seed": 3, "root": root}
    with pytest.raises(DataError, match="without a single shot.*got cat"):
        MPSRData(**data).read_train()
    found = MPSRData(**data, allow_empty=True).read_train()
    assert len(found) == 1 and len(found.table) == len(DIVISION.everything) - 1
    assert found.notes == ("class 'cat' has 0 of 1 shots",)


def test_shots_under_the_least_size_are_no_shots(root):
    with pytest.raises(DataError, match="without a single shot"):
        MPSRData(
            stage="novel", setting="gfsod", shots=1, seed=3, root=root, smallest_box=60.0
        ).read_train()
