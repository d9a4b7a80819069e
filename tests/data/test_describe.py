"""The facts about a data set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.describe import data_info, describe
from handful.data.formats import write_dataset
from handful.structures import Exemplar


def some_set(folder: Path) -> Dataset:
    """Three pictures, one of them gone; three classes, one of them without a box."""
    pictures = []
    for index, size in enumerate([(100, 50), (200, 50), (100, 80)]):
        path = folder / f"{index}.png"
        Image.new("RGB", size).save(path)
        pictures.append(Picture(index, path.name, *size, path))
    (folder / "2.png").unlink()
    table = BoxTable.of(
        [0, 0, 1],
        [[0, 0, 10, 40], [0, 0, 40, 40], [0, 0, 90, 10]],
        [1, 1, 0],
        crowd=[True, False, False],
        difficult=[False, False, True],
    )
    return Dataset("some", tuple(pictures), table, ("cup", "key", "ape"), (3, 5, 9))


def test_counts(tmp_path):
    facts = describe(some_set(tmp_path))
    assert (facts.pictures, facts.boxes, facts.crowd, facts.difficult) == (3, 3, 1, 1)
    assert (facts.empty_pictures, facts.most_boxes) == (1, 2)
    assert facts.missing == ("2.png",)
    assert facts.small == pytest.approx(2 / 3, abs=1e-4)
    assert not facts.outlines


def test_the_class_table(tmp_path):
    examples = (Exemplar("ape", tmp_path / "ape.png"),) * 2
    classes = describe(replace(some_set(tmp_path), examples=examples)).classes
    rows = [(c.name, c.id, c.boxes, c.pictures, c.difficult, c.crowd, c.examples) for c in classes]
    assert rows == [
        ("cup", 3, 1, 1, 1, 0, 0),
        ("key", 5, 2, 1, 0, 1, 0),
        ("ape", 9, 0, 0, 0, 0, 2),
    ]


def test_percentiles(tmp_path):
    facts = describe(some_set(tmp_path))
    assert facts.box_side[50] == 30.0
    assert facts.box_width[50] == 40.0
    assert facts.picture_height[99] == pytest.approx(79.4)


def test_an_empty_set_has_facts_too():
    empty = Dataset("none", (), BoxTable.of([], [], []), ())
    facts = describe(empty)
    assert (facts.pictures, facts.boxes, facts.box_side, facts.classes) == (0, 0, {}, ())


def test_data_info_reads_what_lies_there_and_is_plain_json(tmp_path):
    dataset = some_set(tmp_path)
    write_dataset(dataset, tmp_path / "set.json", format="coco")
    facts = data_info(tmp_path / "set.json")
    assert (facts.format, facts.boxes, facts.missing) == ("coco", 3, ("2.png",))
    again = json.loads(json.dumps(facts.to_json()))
    assert again["classes"][0]["name"] == "cup"
    assert again["box_side"]["50"] == 30.0
