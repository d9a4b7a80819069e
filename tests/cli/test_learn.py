"""``handful learn``, then ``detect``, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from few_boxes import QUICK, write_support

from handful.cli.fields import dotted_as_changes, read_changes, read_numbers
from handful.errors import ConfigError


@pytest.mark.integration
def test_learn_then_detect(tmp_path: Path, monkeypatch, handful) -> None:
    monkeypatch.chdir(tmp_path)
    write_support(tmp_path / "data")
    fields = [word for name, value in QUICK.items() for word in ("--set", f"{name}={value}")]
    words = ("learn", "data/support.json", "--out", "run", "--device", "cpu", *fields)
    code, out, err = handful(*words, "--json", "learned.json")
    assert code == 0, err
    assert "disc" in out and "handful detect PICTURE --model run" in out
    assert json.loads(Path("learned.json").read_text("utf-8"))["recipe"]["train"]["steps"] == 3
    detect = ("detect", "data/1.png", "--model", "run")
    code, _, err = handful(*detect, "--score", 0, "--json", "f.json")
    assert code == 0, err
    assert "detections" in json.loads(Path("f.json").read_text("utf-8"))
    code, _, err = handful(*detect, "--like", "data/2.png")
    assert code == 2 and "a trained model" in err
    code, _, err = handful(*detect, "--nms-iou", 0.4)
    assert code == 2 and "nms_iou" in err
    code, _, err = handful(*words, "--seed", 7)
    assert code == 2 and "train.seed" in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--train.lr", "0.1", "--out", "x"], ["--set", "train.lr=0.1", "--out", "x"]),
        (["--train.lr=0.1"], ["--set", "train.lr=0.1"]),
        (["data.json", "--out", "a.b"], ["data.json", "--out", "a.b"]),
    ],
)
def test_dotted_fields_are_changes_to_the_recipe(words, expected) -> None:
    assert dotted_as_changes(words) == expected


@pytest.mark.parametrize("text", ["train.lr", "=3", ""])
def test_a_change_needs_field_and_value(text) -> None:
    with pytest.raises(ConfigError, match="FIELD=VALUE"):
        read_changes([text])


@pytest.mark.parametrize(("text", "expected"), [("0..2", (0, 1, 2)), ("4", (4,)), ("1,5", (1, 5))])
def test_lists_of_numbers(text, expected) -> None:
    assert read_numbers(text, "seeds") == expected


@pytest.mark.parametrize("text", ["", "2..1", "a", "-1..2"])
def test_what_is_no_list_of_numbers(text) -> None:
    with pytest.raises(ConfigError, match="seeds"):
        read_numbers(text, "seeds")


def test_a_recipe_is_printed_whole_and_changed(handful) -> None:
    words = ("train", "defrcn/voc", "--split", 2, "--stage", "novel", "--shots", 5)
    code, out, err = handful(*words, "--train.lr", "0.005", "--print")
    assert code == 0, err
    lines = dict(line.split(None, 1) for line in out.splitlines() if " " in line.strip())
    assert lines["train.lr"].strip() == "0.005"
    assert lines["model.class_names"].strip() == "aeroplane,bottle,cow,horse,sofa"
    code, _, err = handful("train", "defrcn/vocc", "--print")
    assert code == 2 and "defrcn/voc" in err
    code, _, err = handful("train", "defrcn/voc", "--stage", "novel", "--print")
    assert code == 2 and "shots" in err
