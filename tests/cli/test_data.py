"""``handful data`` as its functions are called."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from handful.cli import data


@pytest.fixture
def crops(tmp_path) -> Path:
    folder = tmp_path / "crops"
    for name in ("cup", "[red] key"):
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (8, 6)).save(folder / name / "a.png")
    return folder


def test_info_prints_tables(crops, capsys):
    data.info(crops)
    text = capsys.readouterr().out
    assert "(crops)" in text
    assert "[red] key" in text
    assert "box side" in text


def test_info_prints_json(crops, capsys):
    data.info(crops, json=True)
    facts = json.loads(capsys.readouterr().out)
    assert (facts["pictures"], facts["format"]) == (2, "crops")
    assert [entry["name"] for entry in facts["classes"]] == ["[red] key", "cup"]


def test_info_names_missing_pictures(crops, tmp_path, capsys):
    data.convert(crops, tmp_path / "set.json")
    (crops / "cup" / "a.png").unlink()
    capsys.readouterr()
    data.info(tmp_path / "set.json")
    assert "1 pictures are not there: crops/cup/a.png" in capsys.readouterr().out


def test_convert_writes_and_says_so(crops, tmp_path, capsys):
    data.convert(crops, tmp_path / "out", to="voc")
    assert "2 pictures, 2 boxes, 2 classes: crops → voc" in capsys.readouterr().out
    assert len(list((tmp_path / "out" / "Annotations").glob("*.xml"))) == 2
    data.convert(crops, tmp_path / "yolo", to="yolo", json=True)
    assert json.loads(capsys.readouterr().out)["destination_format"] == "yolo"


def test_the_module_is_light():
    code = "import handful.cli.data, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
