"""Cityscapes, clear and in fog, on tiny copies of its layout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from handful.data.formats import detect_format, read_dataset
from handful.errors import DataError

CLEAR, FOG = "leftImg8bit", "leftImg8bit_foggy"
SQUARE = [[2, 3], [12, 3], [12, 9], [2, 9]]


def thing(label="car", polygon=SQUARE, **more) -> dict:
    return {"label": label, "polygon": polygon, **more}


def save(
    root: Path, *objects: dict, part="train", city="ulm", stem="ulm_000000_000019", endings=(CLEAR,)
) -> Path:
    """Write one picture of 40 x 20, in each of the ways that ``endings`` name, and its objects."""
    outlines = root / "gtFine" / part / city
    outlines.mkdir(parents=True, exist_ok=True)
    document = {"imgHeight": 20, "imgWidth": 40, "objects": list(objects)}
    (outlines / f"{stem}_gtFine_polygons.json").write_text(json.dumps(document))
    for ending in endings:
        folder = root / ending.split("_beta")[0] / part / city
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20)).save(folder / f"{stem}_{ending}.png")
    return root


def test_objects_of_the_eight_classes_are_read_with_their_outlines(tmp_path):
    save(tmp_path, thing("road"), thing(), thing("license plate"), thing("bus", deleted=1))
    save(tmp_path, thing("persongroup"), thing("rider"), stem="ulm_000001_000019")
    dataset = read_dataset(tmp_path)
    assert detect_format(tmp_path) == "cityscapes"
    assert dataset.class_names == (
        "person",
        "car",
        "rider",
        "bicycle",
        "truck",
        "motorcycle",
        "train",
        "bus",
    )
    names = [dataset.class_names[label] for label in dataset.table.labels.tolist()]
    assert names == ["car", "person", "rider"]
    assert dataset.table.crowd.tolist() == [False, True, False]
    assert dataset.table.boxes[0].tolist() == [2, 3, 12, 9]
    assert dataset.outlines[0] == ((2, 3, 12, 3, 12, 9, 2, 9),)
    assert dataset.notes == ()
    assert dataset[0][0].size == (40, 20)


@pytest.mark.parametrize(
    ("place", "pictures"),
    [(".", 3), ("gtFine", 3), ("gtFine/val", 1), ("gtFine/train/ulm", 1), ("gtFine/test", 1)],
)
def test_a_part_or_a_city_can_be_named_and_test_is_read_only_then(tmp_path, place, pictures):
    save(tmp_path, thing())
    save(tmp_path, thing(), city="jena", stem="jena_000000_000019")
    save(tmp_path, thing(), part="val", stem="ulm_000009_000019")
    save(tmp_path, thing("ego vehicle"), part="test", stem="ulm_000004_000019")
    assert detect_format(tmp_path / place) == "cityscapes"
    assert len(read_dataset(tmp_path / place)) == pictures


def test_outlines_that_leave_their_picture_are_clipped_and_counted(tmp_path):
    outside = [[x + 90, y] for x, y in SQUARE]
    half = [[x - 7, y] for x, y in SQUARE]
    save(tmp_path, thing(polygon=half), thing(polygon=outside), thing())
    dataset = read_dataset(tmp_path)
    assert dataset.table.boxes.tolist() == [[0, 3, 5, 9], [2, 3, 12, 9]]
    assert min(dataset.outlines[0][0]) == 0
    assert dataset.notes == (
        "1 outlines leave their picture and were clipped",
        "1 outlines leave their picture and were left out",
    )


@pytest.mark.parametrize(
    ("format", "beta"),
    [
        ("cityscapes-foggy", "0.02"),
        ("cityscapes-foggy-0.01", "0.01"),
        ("cityscapes-foggy-0.005", "0.005"),
    ],
)
def test_fog_is_chosen_by_name(tmp_path, format, beta):
    endings = [CLEAR] + [f"{FOG}_beta_{beta}" for beta in ("0.02", "0.01", "0.005")]
    save(tmp_path, thing(), endings=endings)
    dataset = read_dataset(tmp_path, format=format)
    assert dataset.pictures[0].file_name == f"ulm_000000_000019_{FOG}_beta_{beta}.png"
    assert dataset.table.boxes.tolist() == [[2, 3, 12, 9]]
    assert detect_format(tmp_path) == "cityscapes"


def test_fog_alone_is_recognised(tmp_path):
    save(tmp_path, thing(), endings=[f"{FOG}_beta_0.02"])
    assert detect_format(tmp_path) == detect_format(tmp_path / "gtFine") == "cityscapes-foggy"


@pytest.mark.parametrize("place", ["", CLEAR, f"{CLEAR}/train", f"{CLEAR}/train/ulm"])
def test_pictures_may_lie_elsewhere(tmp_path, place):
    root = save(tmp_path / "root", thing(), endings=())
    save(tmp_path / "other")
    with pytest.raises(DataError, match=rf"picture that is not there.*{CLEAR}/train/ulm.*--images"):
        read_dataset(root)
    assert len(read_dataset(root, require_pictures=False)) == 1
    dataset = read_dataset(root, images=tmp_path / "other" / place)
    assert dataset[0][0].size == (40, 20)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (thing(polygon=SQUARE[:2]), r"object 1 \(car\) has too few points.*'polygon'.*2 points"),
        ({"label": "car"}, r"object 1 \(car\) lacks a field.*'polygon'"),
        ({"polygon": SQUARE}, "object 1 lacks a field.*'label'"),
        (thing(polygon=[["a", 1]] * 3), "object 1.*wrong type.*'polygon'"),
        (3, "'objects'.*a list of objects"),
    ],
)
def test_bad_objects_are_refused_by_file_and_field(tmp_path, entry, says):
    with pytest.raises(DataError, match=says) as caught:
        read_dataset(save(tmp_path, entry))
    assert "ulm_000000_000019_gtFine_polygons.json" in str(caught.value)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"imgWidth": 40, "objects": []}, "'imgHeight'"),
        ({"imgHeight": 20, "imgWidth": 0, "objects": []}, "no area.*'imgWidth'"),
        ({"imgHeight": 20, "imgWidth": 40}, "'objects'"),
        ([], "a JSON object"),
    ],
)
def test_bad_files_are_refused(tmp_path, document, says):
    file = next(save(tmp_path).rglob("*.json"))
    file.write_text(json.dumps(document))
    with pytest.raises(DataError, match=says):
        read_dataset(tmp_path)


def test_a_folder_without_outlines_is_refused(tmp_path):
    with pytest.raises(DataError, match="no outlines of Cityscapes.*gtFine"):
        read_dataset(tmp_path, format="cityscapes")
