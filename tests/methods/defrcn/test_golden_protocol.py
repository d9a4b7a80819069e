"""The few-shot protocol's loaders and split maker against the originals'."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from defrcn_reference import KINDS
from field_layout import (
    write_annotation,
    write_coco_shots,
    write_picture_list,
    write_shot_list,
)
from golden_cases import file_params

from handful.data.dataset import Dataset
from handful.data.splits import (
    DIVISIONS,
    class_division,
    read_coco_shots,
    read_voc_set,
    read_voc_shots,
)
from handful.data.splits.layout import voc_year
from handful.data.splits.tfa_seeds import (
    coco_pools,
    coco_seed_annotations,
    voc_pools,
    voc_seed_lists,
    write_voc_seeds,
)

pytestmark = pytest.mark.golden

FEW = re.compile(r"(?P<part>novel|all)(?P<split>\d)_(?P<shots>\d+)shot_npseed(?P<seed>\d+)")
ORDINARY = re.compile(r"(?P<subset>trainval|test)(?P<year>\d{4})_(?P<rest>.+)")
PART = re.compile(r"(?P<part>base|novel|all)(?P<split>\d?)")
LIST_SEED = 0


def content_of(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", file_params("defrcn", "voc_loader", KINDS))
def test_voc_loader(file: Path, tmp_path) -> None:
    content = content_of(file)
    write_voc_tree(tmp_path, content)
    assert content["cases"]
    for case, records in content["cases"].items():
        dataset = read_voc_case(tmp_path, case, content["cases"])
        assert_same_records(dataset, records, corners=lambda box: box, what=case)
        assert [source_id(record) for record in records] == [
            Path(picture.file_name).stem for picture in dataset.pictures
        ], case


def read_voc_case(root: Path, case: str, cases: dict[str, Any]) -> Dataset:
    few = FEW.fullmatch(case)
    if few:
        numpy.random.seed(int(few["seed"]))
        return read_voc_shots(
            root,
            class_division(f"voc{few['split']}").classes(few["part"]),
            shots=int(few["shots"]),
            seed=LIST_SEED,
            original_draw=True,
            require_pictures=False,
        )
    named = ORDINARY.fullmatch(case)
    assert named, f"a case of an unknown name: {case}"
    part = PART.fullmatch(named["rest"])
    if part:
        split = part["split"] or only_split(cases)
        names = class_division(f"voc{split}").classes(part["part"])
    else:
        names = tuple(named["rest"].split("_"))
    return read_voc_set(
        root,
        names,
        years=[int(named["year"])],
        subset=named["subset"],
        require_pictures=False,
    )


def only_split(cases: dict[str, Any]) -> str:
    """Return the split of the file's K-shot cases, which ordinary ones leave out."""
    (split,) = {few["split"] for few in map(FEW.fullmatch, cases) if few}
    return split


def write_voc_tree(root: Path, content: dict[str, Any]) -> None:
    by_year: dict[int, list[str]] = {}
    for image_id, entry in content["annotations"].items():
        size = (entry["width"], entry["height"])
        write_annotation(root, image_id, entry["objects"], size=size)
        by_year.setdefault(int(entry["year"]), []).append(image_id)
    for year, image_ids in by_year.items():
        for subset in ("trainval", "test"):
            write_picture_list(root, year, subset, image_ids)
    for key, image_ids in content["lists"].items():
        shots, name = key.split("/")
        write_shot_list(root / "vocsplit" / f"seed{LIST_SEED}", int(shots), name, image_ids)


@pytest.mark.parametrize("file", file_params("defrcn", "coco_loader", KINDS))
def test_coco_loader(file: Path, tmp_path) -> None:
    content = content_of(file)
    shots, seed = content["shot"], content["seed"]
    for name, shown in content["files"].items():
        write_coco_shots(tmp_path / "cocosplit" / f"seed{seed}", shots, name, shown)
    division = DIVISIONS["coco"]
    parts = (division.classes(part) for part in ("base", "novel", "all"))
    names = next(part for part in parts if set(part) == set(content["files"]))
    dataset = read_coco_shots(tmp_path, names, shots=shots, seed=seed, require_pictures=False)
    records = content["records"]
    assert_same_records(dataset, records, corners=from_width_and_height)
    assert [int(source_id(record)) for record in records] == [p.id for p in dataset.pictures]


def from_width_and_height(box: list[float]) -> list[float]:
    left, top, width, height = box
    return [left, top, left + width, top + height]


def source_id(record: dict[str, Any]) -> str:
    return record["image_id"]


def assert_same_records(dataset: Dataset, records: list[dict], *, corners, what: str = "") -> None:
    assert len(dataset.pictures) == len(records), what
    for index, (picture, record) in enumerate(zip(dataset.pictures, records, strict=True)):
        assert f"datasets/{picture.file_name}" == record["file_name"], what
        assert (picture.width, picture.height) == (record["width"], record["height"])
        theirs = record["annotations"]
        ours = dataset.targets(index)
        expected = torch.tensor([corners(entry["bbox"]) for entry in theirs]).reshape(-1, 4)
        assert torch.equal(ours.boxes, expected), what
        assert ours.labels.tolist() == [entry["category_id"] for entry in theirs], what
        crowds = [bool(entry.get("iscrowd", 0)) for entry in theirs]
        assert ours.crowd.tolist() == crowds


@pytest.mark.parametrize("file", file_params("defrcn", "tfa_make_splits", KINDS))
def test_tfa_make_splits_of_voc(file: Path, tmp_path) -> None:
    content = content_of(file)
    for year in (2007, 2012):
        write_picture_list(tmp_path, year, "trainval", content[f"voc_trainval{year}"])
    for image_id, names in content["voc_objects"].items():
        write_annotation(tmp_path, image_id, [{"name": name} for name in names])
    pools = voc_pools(tmp_path)
    assert content["voc_lists"]
    for seed, theirs in content["voc_lists"].items():
        shots = sorted({int(key.split("/")[0]) for key in theirs})
        ours = voc_seed_lists(pools, int(seed), shots)
        paths = {
            f"{count}/{name}": [published_path(image_id) for image_id in image_ids]
            for count, lists in ours.items()
            for name, image_ids in lists.items()
        }
        assert paths == theirs


def published_path(image_id: str) -> str:
    return f"datasets/VOC{voc_year(image_id)}/JPEGImages/{image_id}.jpg"


@pytest.mark.parametrize("file", file_params("defrcn", "tfa_make_splits", KINDS))
def test_tfa_make_splits_of_coco(file: Path) -> None:
    content = content_of(file)
    rows = content["coco_annotations_id_image_category_crowd"]
    names = ("id", "image_id", "category_id", "iscrowd")
    pools = coco_pools((dict(zip(names, row, strict=True)) for row in rows), file)
    assert content["coco_selected_annotation_ids"]
    for seed, theirs in content["coco_selected_annotation_ids"].items():
        shots = sorted(map(int, theirs))
        ours = coco_seed_annotations(pools, int(seed), shots)
        as_text = {
            str(count): {str(category): ids for category, ids in chosen.items()}
            for count, chosen in ours.items()
        }
        assert as_text == theirs


@pytest.mark.parametrize("file", file_params("defrcn", "tfa_make_splits", KINDS))
def test_written_lists_are_those_drawn(file: Path, tmp_path) -> None:
    content = content_of(file)
    for year in (2007, 2012):
        write_picture_list(tmp_path, year, "trainval", content[f"voc_trainval{year}"])
    for image_id, names in content["voc_objects"].items():
        write_annotation(tmp_path, image_id, [{"name": name} for name in names])
    seeds = [int(seed) for seed in content["voc_lists"]]
    write_voc_seeds(tmp_path, seeds)
    for seed in seeds:
        for key, paths in content["voc_lists"][str(seed)].items():
            shots, name = key.split("/")
            written = tmp_path / "vocsplit" / f"seed{seed}" / f"box_{shots}shot_{name}_train.txt"
            assert written.read_text("utf-8") == "\n".join(paths) + "\n"
