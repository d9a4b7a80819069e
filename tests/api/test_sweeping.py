"""A table of runs: which are made, which are kept, and what the table says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handful.api import sweeping
from handful.api.orders import Trained
from handful.cli.main import main
from handful.errors import ConfigError
from handful.files import write_json
from handful.methods.defrcn.recipes import DeFRCNRecipe

FIGURES = {0: 0.5, 1: 0.6, 2: 0.7}


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[DeFRCNRecipe, Path, object]]:
    """What was trained, without training anything."""
    made = []

    def train(name, chosen, *, out, base, **options) -> Trained:
        made.append((chosen, out, base))
        results = {"nAP50": FIGURES[chosen.train.seed]}
        write_json(out / "results.json", {"results": results})
        return Trained(out, out / "last.safetensors", results)

    monkeypatch.setattr(sweeping, "train", train)
    return made


def test_every_cell_is_run_once_and_finished_runs_are_kept(tmp_path: Path, runs) -> None:
    asked = {"splits": (1, 2), "shots": (1, 5), "bases": ("one", "two"), "out": tmp_path}
    first = sweeping.sweep("defrcn/voc", seeds=(0, 1), **asked)
    assert len(runs) == 8
    assert {(run.data.split, base) for run, _, base in runs} == {(1, "one"), (2, "two")}
    assert {run.data.seed for run, _, _ in runs} == {0, 1}
    again = sweeping.sweep("defrcn/voc", seeds=(0, 1, 2), **asked)
    assert len(runs) == 12
    assert first.metric == "nAP50"
    assert first.cells[0].summary.intervals["nAP50"].mean == pytest.approx(0.55)
    assert again.cells[0].summary.intervals["nAP50"].count == 3
    assert "| 1 | 60.0 ± 24.8 (3) | 60.0 ± 24.8 (3) |" in again.to_markdown()
    assert (tmp_path / "table.md").read_text("utf-8") == again.to_markdown()
    saved = json.loads((tmp_path / "sweep.json").read_text("utf-8"))
    assert saved[0]["repetition"] == "a new set of boxes each time"


def test_repeats_on_the_same_boxes_differ_only_in_the_seed_of_training(
    tmp_path: Path, runs
) -> None:
    done = sweeping.sweep(
        "defrcn/voc", splits=(1,), shots=(1,), seeds=(0, 1), same_boxes=True, out=tmp_path
    )
    assert [(run.data.seed, run.train.seed) for run, _, _ in runs] == [(0, 0), (0, 1)]
    assert "one set of boxes, trained again" in done.to_markdown()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shots": (1, 4)}, "published schedule"),
        ({"bases": ("a", "b")}, "one base for all splits"),
        ({"changes": {"train.lrr": "1"}}, "train.lr"),
    ],
)
def test_a_mistake_costs_no_run(tmp_path: Path, runs, change, message) -> None:
    asked = {"splits": (1,), "shots": (1,), "seeds": (0,), **change}
    with pytest.raises(ConfigError, match=message):
        sweeping.sweep("defrcn/voc", out=tmp_path, **asked)
    assert not runs


def test_mpsr_is_swept_like_any_other(tmp_path: Path, runs) -> None:
    done = sweeping.sweep(
        "mpsr/voc", splits=(1, 3), shots=(2, 10), seeds=(0, 1), bases=("base",), out=tmp_path
    )
    assert [run.model.class_count for run, _, _ in runs] == [20] * 8
    assert {(run.data.split, run.data.shots, run.data.seed) for run, _, _ in runs} == {
        (split, shots, seed) for split in (1, 3) for shots in (2, 10) for seed in (0, 1)
    }
    assert done.metric == "nAP50"


@pytest.mark.parametrize("name", ["mpsr/voc", "tfa/voc", "defrcn/voc"])
def test_the_command_asks_for_no_choice_that_a_recipe_lacks(tmp_path: Path, runs, name) -> None:
    words = ["sweep", name, "--splits", "1", "--shots", "5", "--seeds", "0"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    assert len(runs) == 1
