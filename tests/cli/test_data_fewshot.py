"""``handful data fewshot`` as a user runs it."""

from __future__ import annotations

import json

import pytest
from drawn_set import drawn_set

from handful.cli.main import MISTAKE, main
from handful.data.formats import write_dataset

ROWS = [(n % 8, n % 3) for n in range(20)]


@pytest.fixture(autouse=True)
def source(tmp_path, monkeypatch):
    write_dataset(drawn_set(ROWS), tmp_path / "train.json", format="coco")
    monkeypatch.chdir(tmp_path)


def run(*words: str) -> int:
    return main(["data", "fewshot", "train.json", "--out", "shots", *words])


def test_it_writes_the_sets_and_says_so(tmp_path, capsys):
    assert run("--shots", "1", "2", "--seeds", "3") == 0
    said = capsys.readouterr().out
    assert "boxes of 3 classes" in said
    assert "written to shots" in said
    assert len(list(tmp_path.glob("shots/*/support.json"))) == 6
    assert len(list(tmp_path.glob("shots/*/manifest.json"))) == 6


def test_it_prints_json(capsys):
    assert run("--shots", "1", "--novel", "pen", "key", "--setting", "gfsod", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["novel"] == ["key", "pen"]
    assert [entry["folder"] for entry in printed["sets"]] == ["shots1-seed0"]


def test_too_few_boxes_are_one_line(capsys):
    assert run("--shots", "7") == MISTAKE
    said = capsys.readouterr().err
    assert "class 'pen'" in said
    assert "--allow-fewer" in said
    assert run("--shots", "7", "--allow-fewer") == 0
    assert "note: class 'pen' has only 6 boxes" in capsys.readouterr().out


def test_sets_that_are_there_are_kept_unless_told(capsys):
    assert run("--shots", "1") == 0
    assert run("--shots", "2") == MISTAKE
    assert "--overwrite" in capsys.readouterr().err
    assert run("--shots", "2", "--overwrite") == 0


def test_whole_pictures_are_drawn_or_named(tmp_path, capsys):
    assert run("--pictures", "2", "--seeds", "2") == 0
    assert "whole pictures, 3 classes" in capsys.readouterr().out
    assert len(list(tmp_path.glob("shots/pictures2-seed*/support.json"))) == 2
    assert run("--files", "0.png", "--overwrite") == 0
    assert "class 'cup'" not in capsys.readouterr().out
    assert [entry.name for entry in tmp_path.glob("shots/pic*")] == ["pictures1-given"]
    assert run("--pictures", "9", "--overwrite") == MISTAKE
    assert "fewer annotated pictures" in capsys.readouterr().err
    assert run("--pictures", "2", "--shots", "5", "--overwrite") == MISTAKE
    assert "exclude each other" in capsys.readouterr().err
