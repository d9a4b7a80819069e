"""Which pictures, boxes and repetitions mmfewshot trains and tests on, entry by entry."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from field_layout import write_annotation, write_picture_list
from golden_cases import file_params
from mpsr_reference import KINDS

from handful.data.dataset import Dataset
from handful.data.objects import single_objects
from handful.data.repetition import Repetition
from handful.data.splits import class_division, read_voc_set
from handful.data.splits.divisions import ClassDivision
from handful.data.splits.mmfewshot_sets import (
    last_pixels,
    read_drawn_shots,
    with_small_difficult,
    worth_training,
)
from handful.files import write_text

pytestmark = pytest.mark.golden
YEARS = (2007, 2012)
REPEATED = Repetition(tuple(f"VOC{year}" for year in YEARS))
Entry = Mapping[str, Any]


class Reference:
    """One file: its records and lists as folders of VOC, and what the original keeps of them."""

    def __init__(self, file: Path, root: Path) -> None:
        content = json.loads(file.read_text(encoding="utf-8"))
        self.root = root
        self.results: dict[str, Any] = content["results"]
        self.division: ClassDivision = class_division(f"voc{content['classes'].split()[-1]}")
        for record in content["records"]:
            things = [{**one, "bbox": one["box"]} for one in record["objects"]]
            size = (record["width"], record["height"])
            write_annotation(root, record["id"], things, size=size)
        for year in YEARS:
            own = [one["id"] for one in content["records"] if one["year"] == f"VOC{year}"]
            write_picture_list(root, year, "trainval", own)
        for shots, lists in content["few_lists"].items():
            folder = root / "few_shot_ann" / "voc" / f"benchmark_{shots}shot"
            for name, lines in lists.items():
                write_text(folder / f"box_{shots}shot_{name}_train.txt", "\n".join(lines))

    def ordinary(self, names: tuple[str, ...]) -> Dataset:
        return read_voc_set(self.root, names, years=YEARS, require_pictures=False)

    def few(self, shots: int, draw_seed: int) -> Dataset:
        return read_drawn_shots(
            self.root,
            self.division,
            family="voc",
            shots=shots,
            draw_seed=draw_seed,
            require_pictures=False,
        )


@pytest.fixture(params=file_params("mpsr", "voc_dataset", KINDS))
def reference(request: pytest.FixtureRequest, tmp_path: Path) -> Reference:
    return Reference(request.param, tmp_path)


def entries(dataset: Dataset, *, ignored: bool, first: Sequence[int] = ()) -> list[Entry]:
    """Return the data set in the original's words; it ignores the boxes of ids ``first`` first."""
    found = []
    for index, picture in enumerate(dataset.pictures):
        rows = dataset.table[dataset.rows(index)]
        plain, others = rows[~rows.difficult], rows[rows.difficult]
        others = others[torch.argsort(~torch.isin(others.ids, torch.tensor(first)), stable=True)]
        ann = {"bboxes": plain.boxes.tolist(), "labels": plain.labels.tolist()}
        if ignored:
            ann |= {"bboxes_ignore": others.boxes.tolist(), "labels_ignore": others.labels.tolist()}
        name = Path(picture.file_name)
        found.append({"id": name.stem, "filename": picture.file_name, "ann": ann})
    return found


def test_base_training_holds_the_same_boxes(reference: Reference) -> None:
    base = worth_training(last_pixels(reference.ordinary(reference.division.base)))
    assert entries(base, ignored=True) == reference.results["base_train"]
    plain = replace(base, table=base.table[~base.table.difficult])
    assert len(plain.table) == reference.results["base_train_instance_wise_len"]


def test_tests_see_every_picture_as_it_was_drawn(reference: Reference) -> None:
    asked = reference.ordinary(reference.division.everything)
    # The file counts pixels from 1.
    boxes = asked.table.boxes + torch.tensor([1.0, 1.0, 0.0, 0.0])
    written = replace(asked, table=replace(asked.table, boxes=boxes))
    assert entries(written, ignored=True) == reference.results["test_all"]


def test_boxes_under_a_size_are_ignored(reference: Reference) -> None:
    names = [name for name in reference.results if name.startswith("min_bbox_size_")]
    for name in names:
        dataset = last_pixels(reference.ordinary(reference.division.everything))
        smallest = float(name.rsplit("_", 1)[1])
        found = worth_training(with_small_difficult(dataset, smallest))
        first = dataset.table.ids[dataset.table.difficult].tolist()
        assert entries(found, ignored=True, first=first) == reference.results[name], name


def test_shots_are_drawn_merged_and_repeated_alike(reference: Reference) -> None:
    names = [name for name in reference.results if name.startswith("few_")]
    assert names
    for name in names:
        expected = reference.results[name]
        main = reference.few(int(name.split("_")[1]), expected["seed"])
        assert entries(main, ignored=False) == expected["main"], name
        counts = torch.bincount(main.table.labels, minlength=len(main.class_names))
        assert counts.tolist() == expected["per_class"], name
        objects = single_objects(main)
        assert entries(objects, ignored=False) == expected["auxiliary"], name
        files = [picture.file_name for picture in main.pictures]
        assert REPEATED.positions(files) == expected["main_index_map"], name
        owners = [picture.file_name for picture in objects.pictures]
        assert Repetition().positions(owners) == expected["auxiliary_index_map"], name
