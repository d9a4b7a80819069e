"""The commands ``handful bench oneshot``, ``evaluate`` and ``train``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handful.bench import training
from handful.bench.training_step import TrainingMemory

WORDS = ("bench", "oneshot", "--models", "os2d-lite", "--size", "160", "96", "--repeats", "1")


@pytest.mark.integration
def test_tables_and_files_say_what_was_measured(handful, tmp_path: Path) -> None:
    code, out, err = handful(*WORDS, "--classes", 1, 2, "--out", tmp_path)
    assert code == 0, err
    assert "os2d-lite" in out and "plain" in out and "160 x 96" in " ".join(out.split())
    (model,) = json.loads((tmp_path / "oneshot.json").read_text(encoding="utf-8"))["models"]
    assert [cost["classes"] for cost in model["searches"]] == [1, 2]
    page = (tmp_path / "oneshot.md").read_text(encoding="utf-8")
    assert "`handful bench oneshot --models os2d-lite --size 160 96 --repeats 1" in page


@pytest.mark.integration
def test_json_is_the_result(handful) -> None:
    code, out, err = handful(*WORDS, "--classes", "--json")
    assert code == 0, err
    assert json.loads(out)["image_size"] == [96, 160]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("oneshot", "--models", "os2d-lit"), "Did you mean 'os2d-lite'"),
        (("oneshot", "--repeats", "0"), "repeats"),
        (("oneshot", "--size", "0", "10"), "image_size"),
        (("oneshot", "--classes", "0"), "class_counts"),
        (("oneshot", "--out", "taken"), "cannot write"),
        (("train", "--models", "r50-fp"), "Did you mean 'r50-fpn'"),
        (("train", "--steps", "0"), "steps"),
        (("train", "--size", "100", "64"), "multiples of 32"),
        (("train", "--out", "taken"), "cannot write"),
    ],
)
def test_mistakes_are_one_line(
    handful, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").write_text("a file", encoding="utf-8")
    code, _, err = handful("bench", *words)
    assert code == 2
    assert complaint in err and err.count("\n") == 1


SMALL = ("bench", "evaluate", "--pictures", "5", "--boxes", "4", "--classes", "3", "--repeats", "1")


def test_evaluation_is_measured_beside_pycocotools(handful, tmp_path: Path) -> None:
    code, out, err = handful(*SMALL, "--out", tmp_path)
    assert code == 0, err
    assert "pycocotools" in out and "5 pictures with 4 known" in " ".join(out.split())
    result = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert result["largest_difference"] < 1e-6
    page = (tmp_path / "evaluation.md").read_text(encoding="utf-8")
    assert "`handful bench evaluate --pictures 5 --boxes 4" in page
    code, out, _ = handful(*SMALL, "--json")
    assert code == 0 and json.loads(out)["figures"] == result["figures"]


def test_an_evaluation_of_nothing_is_refused(handful) -> None:
    code, _, err = handful("bench", "evaluate", "--pictures", "0")
    assert code == 2 and "pictures" in err and err.count("\n") == 1


@pytest.mark.integration
def test_training_is_measured_beside_torchvision(
    handful, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its processes take long to start; a test of their own runs one.
    monkeypatch.setattr(training, "training_memory", lambda *_: TrainingMemory(1, 2**21))
    small = ("--models", "r50-fpn", "--size", 96, 64, "--pictures", 1, "--steps", 1)
    code, out, err = handful("bench", "train", *small, "--out", tmp_path)
    assert code == 0, err
    assert "torchvision" in out and "2 MiB" in out and "1 x 96 x 64" in " ".join(out.split())
    result = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert [model["name"] for model in result["models"]] == ["torchvision", "r50-fpn"]
    assert all(model["seconds"]["median"] > 0 for model in result["models"])
    page = (tmp_path / "training.md").read_text(encoding="utf-8")
    assert "`handful bench train --models r50-fpn --size 96 64 --pictures 1" in page
