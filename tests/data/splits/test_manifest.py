"""Manifests: exactly which boxes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from drawn_set import drawn_set
from field_layout import write_annotation, write_shot_list

from handful.data.splits import (
    ShotManifest,
    dataset_from_manifest,
    manifest_of,
    read_manifest,
    read_voc_set,
    read_voc_shots,
    sample_shots,
)
from handful.errors import DataError
from handful.files import write_json

ROWS = [(n % 5, n % 3) for n in range(30)]


@pytest.fixture
def manifest():
    return replace(sample_shots(drawn_set(ROWS), (2,), seed=3)[2], novel=("pen",))


def test_it_survives_a_file(manifest, tmp_path):
    write_json(tmp_path / "manifest.json", manifest.to_json())
    assert read_manifest(tmp_path / "manifest.json") == manifest


def test_the_set_it_makes_is_exact(manifest, tmp_path):
    dataset = drawn_set(ROWS)
    write_json(tmp_path / "manifest.json", manifest.to_json())
    support = dataset_from_manifest(dataset, read_manifest(tmp_path / "manifest.json"))
    assert support.name == "drawn-shots2-seed3"
    assert (support.class_names, support.class_ids) == (("cup", "key", "pen"), (3, 5, 8))
    rows = [dataset.table.ids.tolist().index(number) for number in support.table.ids.tolist()]
    assert torch.equal(support.table.boxes, dataset.table.boxes[rows])
    assert torch.equal(support.table.labels, dataset.table.labels[rows])
    again = manifest_of(support, shots=2, seed=3, novel=("pen",))
    assert again.boxes == manifest.boxes


def test_numbers_are_written_as_people_write_them(manifest):
    assert "." in json.dumps(manifest.to_json()["boxes"][0]["corners"])
    assert all(len(str(side)) < 6 for box in manifest.boxes for side in box.corners)


def test_records_of_one_picture_stay_apart(tmp_path):
    car = {"name": "car"}
    write_annotation(tmp_path, "000001", [car, {"name": "dog"}, car, car])
    write_shot_list(tmp_path / "vocsplit" / "seed1", 2, "car", ["000001"])
    shown = read_voc_shots(tmp_path, ("car",), shots=2, seed=1, require_pictures=False)
    manifest = manifest_of(shown, shots=2, seed=1, repetition="same_boxes")
    assert [box.record for box in manifest.boxes] == [0, 1]
    (tmp_path / "VOC2007" / "ImageSets" / "Main").mkdir(parents=True)
    (tmp_path / "VOC2007" / "ImageSets" / "Main" / "trainval.txt").write_text("000001", "utf-8")
    whole = read_voc_set(tmp_path, ("dog", "car"), years=[2007], require_pictures=False)
    again = dataset_from_manifest(whole, manifest)
    assert again.pictures == shown.pictures
    assert again.class_names == ("car",)
    for column in ("picture", "boxes", "labels", "ids"):
        assert torch.equal(getattr(again.table, column), getattr(shown.table, column))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (ROWS[:3], "no picture|lacks box"),
        ([(picture, (label + 1) % 3) for picture, label in ROWS], "box .* is '"),
        ([(0, 0), *ROWS][:30], "lacks box|is '"),
    ],
)
def test_another_data_set_is_refused(manifest, rows, words):
    with pytest.raises(DataError, match=f"not the one that the manifest was made of.*({words})"):
        dataset_from_manifest(drawn_set(rows), manifest)


def test_a_set_without_its_classes_is_refused(manifest):
    with pytest.raises(DataError, match="no such class"):
        dataset_from_manifest(drawn_set(ROWS, class_names=("a", "b", "c")), manifest)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 0}, "not a manifest"),
        ({"shots": "many"}, "field 'shots'"),
        ({"class_names": "cup"}, "field 'class_names'"),
        ({"repetition": "twice"}, "same_boxes or other_boxes"),
        ({"boxes": [{"record": 0}]}, "box number 1 lacks a field"),
        ({"boxes": 3}, "field 'boxes'"),
    ],
)
def test_a_broken_file_is_refused_by_field(manifest, tmp_path, change, words):
    file = tmp_path / "manifest.json"
    write_json(file, {**manifest.to_json(), **change})
    with pytest.raises(DataError, match=f"manifest.json.*{words}|{words}.*manifest.json"):
        read_manifest(file)
    with pytest.raises(DataError, match="not a manifest"):
        ShotManifest.from_json([])


def test_the_file_says_what_is_repeated(manifest):
    assert manifest.to_json()["repetition"] == "other_boxes"
    fixed = replace(manifest, repetition="same_boxes")
    assert ShotManifest.from_json(read_back(fixed)).repetition == "same_boxes"


def read_back(manifest: ShotManifest) -> object:
    return json.loads(json.dumps(manifest.to_json()))
