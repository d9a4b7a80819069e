"""The commands ``handful bench oneshot``, ``evaluate``, ``train`` and so on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handful.bench import clustering, training
from handful.bench.clustering import ClusteringCost
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
        (("pictures", "--batches", "0"), "batches"),
        (("pictures", "--size", "100"), "a multiple of 32"),
        (("pictures", "--workers", "-1"), "workers"),
        (("pictures", "--out", "taken"), "cannot write"),
        (("memory", "--pictures", "10"), "too few pictures to make a memory of"),
        (("memory", "--size", "100"), "a multiple of 32"),
        (("memory", "--clusters", "0"), "clusters"),
        (("memory", "--pictures"), "nothing to measure"),
        (("memory", "--out", "taken"), "cannot write"),
        (("assignment", "--objects"), "nothing to measure"),
        (("assignment", "--size", "0", "64"), "image_size"),
        (("assignment", "--out", "taken"), "cannot write"),
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
    assert "fasterrcnn" in out and "2 MiB" in out and "96 x 64" in " ".join(out.split())
    result = json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    assert [model["name"] for model in result["models"]] == ["fasterrcnn_resnet50_fpn", "r50-fpn"]
    assert all(model["seconds"]["median"] > 0 for model in result["models"])
    page = (tmp_path / "training.md").read_text(encoding="utf-8")
    assert "`handful bench train --models r50-fpn --size 96 64 --pictures 1" in page


@pytest.mark.integration
def test_mosaics_are_counted_by_reading_processes(handful, tmp_path: Path) -> None:
    small = ("--workers", 0, 1, "--size", 64, "--pictures", 2, "--batch", 1, "--batches", 1)
    code, out, err = handful("bench", "pictures", *small, "--repeats", 1, "--out", tmp_path)
    assert code == 0, err
    assert "pictures a second" in out and "64 x 64" in " ".join(out.split())
    result = json.loads((tmp_path / "pictures.json").read_text(encoding="utf-8"))
    assert [one["workers"] for one in result["rates"]] == [0, 1]
    assert all(one["pictures_a_second"]["median"] > 0 for one in result["rates"])
    page = (tmp_path / "pictures.md").read_text(encoding="utf-8")
    assert "`handful bench pictures --workers 0 1 --size 64 --pictures 2 --batch 1" in page


def test_assignment_is_measured_by_number_of_objects(handful, tmp_path: Path) -> None:
    small = ("--objects", 1, 3, "--size", 96, 64, "--classes", 4, "--repeats", 1)
    code, out, err = handful("bench", "assignment", *small, "--out", tmp_path)
    assert code == 0, err
    assert "milliseconds" in out and "129 points" in " ".join(out.split())
    result = json.loads((tmp_path / "assignment.json").read_text(encoding="utf-8"))
    assert [one["objects"] for one in result["costs"]] == [1, 3]
    page = (tmp_path / "assignment.md").read_text(encoding="utf-8")
    assert "`handful bench assignment --objects 1 3 --size 96 64 --classes 4" in page


def test_memories_are_made_by_number_of_pictures(
    handful, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its processes take long to start; a test of their own runs one.
    monkeypatch.setattr(clustering, "clustering_cost", lambda _: ClusteringCost(3.0, 2**29, 2**21))
    small = ("--pictures", 64, 70, "--size", 32, "--iterations", 1)
    code, out, err = handful("bench", "memory", *small, "--out", tmp_path)
    assert code == 0, err
    assert "512 MiB" in out and "2 MiB" in out and "32 x 32" in " ".join(out.split())
    result = json.loads((tmp_path / "memory.json").read_text(encoding="utf-8"))
    assert [one["pictures"] for one in result["costs"]] == [64, 70]
    page = (tmp_path / "memory.md").read_text(encoding="utf-8")
    assert "`handful bench memory --pictures 64 70 --size 32 --clusters 100" in page
