"""From boxes to a detector, through the functions that command line and Python share."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from few_boxes import CLASSES, QUICK, write_support
from tiny_refinement import stopped_after

from handful import api
from handful.api.learn_plans import LearnOrder
from handful.api.learning import support_set, validation_set
from handful.api.trained import load_detector, weight_file
from handful.api.two_stage_learning import TwoStageLearning
from handful.data.formats import read_dataset
from handful.errors import ConfigError, DataError, WeightsError
from handful.methods.mpsr.learning import learn_recipe as mpsr_recipe
from handful.recipes.tree import leaves
from handful.reporter import SilentReporter
from handful.train.log import read_log

CPU = torch.device("cpu")


@pytest.mark.integration
@pytest.mark.parametrize("model", ["defrcn-lite", "mpsr-lite"])
def test_a_handful_of_boxes_becomes_a_detector_that_can_be_loaded(
    tmp_path: Path, model: str
) -> None:
    support = write_support(tmp_path / "data")
    asked: dict[str, Any] = {"model": model, "out": tmp_path / "run", "device": "cpu"}
    learned = api.learn(support, changes=QUICK, val=support, **asked)
    assert learned.boxes == {"disc": 4, "bar": 4}
    assert set(learned.results) == {"AP", "AP50", "AP75"}
    shots = json.loads((tmp_path / "run" / "shots.json").read_text("utf-8"))
    assert len(shots["boxes"]) == 8
    page = (tmp_path / "run" / "index.html").read_text("utf-8")
    assert "3 updates so far" in page and "rpn_objectness" in page and "train.steps" in page
    again = api.load(tmp_path / "run", device="cpu")
    assert again.class_names == CLASSES
    found = again.detect(tmp_path / "data" / "1.png", score=0.0)
    assert set(found.names()) <= set(CLASSES)
    measured = api.evaluate(tmp_path / "run", query=support, device="cpu")
    assert measured.metrics["AP50"] == pytest.approx(learned.results["AP50"], abs=1e-3)
    same = learned.detector.detect(tmp_path / "data" / "1.png", score=0.0)
    assert torch.equal(found.boxes, same.boxes) and torch.equal(found.scores, same.scores)


@pytest.mark.integration
def test_overwriting_leaves_nothing_of_the_earlier_run(tmp_path: Path) -> None:
    support = write_support(tmp_path / "data", pictures=2)
    asked: dict[str, Any] = {"out": tmp_path / "run", "device": "cpu"}
    quick = {**QUICK, "train.steps": "1"}
    for calibrate in ("true", "true", "false"):
        changes = {**quick, "calibrate": calibrate}
        api.learn(support, changes=changes, overwrite=True, **asked)
        prototypes = tmp_path / "run" / "prototypes.safetensors"
        assert prototypes.exists() == (calibrate == "true")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("model", "head", "other"),
    [
        ("defrcn-lite", "predictor.", "model.rpn_channels"),
        ("mpsr-lite", "head.classifier.", "model.objectness_channels"),
    ],
)
def test_a_base_of_other_classes_is_learnt_upon_and_another_network_refused(
    tmp_path: Path, model: str, head: str, other: str
) -> None:
    support = write_support(tmp_path / "data")
    quick = {**QUICK, "train.steps": "1"}
    asked: dict[str, Any] = {"model": model, "device": "cpu"}
    api.learn(support, out=tmp_path / "base", changes=quick, **asked)
    base = weight_file(tmp_path / "base")
    few = read_dataset(support).subset([0, 1])
    learned = api.learn(
        replace(few, class_names=("ring", "rod")),
        out=tmp_path / "run",
        base=base,
        changes={**quick, "train.lr": "1e-30", "train.weight_decay": "0"},
        **asked,
    )
    assert learned.to_json()["recipe"]["base"] == str(base)
    before = load_detector(base, device=CPU).model.state_dict()
    after = learned.detector.model.state_dict()
    fresh = {name for name in after if name.startswith(head)}
    assert fresh
    for name in after.keys() - fresh:
        assert torch.allclose(before[name], after[name], atol=1e-6), name
    with pytest.raises(WeightsError, match="rpn"):
        api.learn(
            support,
            out=tmp_path / "other",
            base=base,
            changes={**quick, other: "8"},
            **asked,
        )


@pytest.mark.integration
def test_pictures_and_objects_go_on_where_learning_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    support = write_support(tmp_path / "data")
    changes = {**QUICK, "train.checkpoint_every": "1", "train.batch": "1"}
    asked: dict[str, Any] = {"model": "mpsr-lite", "changes": changes, "device": "cpu"}
    whole = api.learn(support, out=tmp_path / "whole", **asked)
    with stopped_after(2, monkeypatch), pytest.raises(KeyboardInterrupt):
        api.learn(support, out=tmp_path / "part", **asked)
    part = api.learn(support, out=tmp_path / "part", **asked)
    ours, theirs = (one.detector.model.state_dict() for one in (part, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    steps = [read_log(tmp_path / name / "log.jsonl")["step"] for name in ("whole", "part")]
    assert steps[0] == steps[1]


@pytest.mark.parametrize(
    ("model", "starts_from", "learn"),
    [
        ("defrcn-lite", "defrcn-lite", {"calibrate": True, "model.rpn_scale": 0.0}),
        ("mpsr-lite", "mpsr-lite", {"calibrate": False, "refinement.objects": 1}),
    ],
)
def test_each_kind_brings_its_own_start_and_rules(
    tmp_path: Path, model, starts_from, learn
) -> None:
    shown = read_dataset(write_support(tmp_path))
    order = LearnOrder(model, None, None, False, False, 3, CPU, SilentReporter())
    recipe = TwoStageLearning(shown, order).recipe()
    assert (recipe.base, recipe.train.seed, recipe.train.steps) == (starts_from, 3, 200)
    assert recipe.model.class_names == CLASSES
    fields = leaves(recipe)
    assert {name: fields[name] for name in learn} == learn


def test_a_tested_run_stops_early_and_a_base_draws_classes_near_zero() -> None:
    asked: dict[str, Any] = {"boxes": 50, "tested": True}
    plain, based = (mpsr_recipe(("cup",), based=based, **asked) for based in (False, True))
    assert (plain.train.steps, plain.train.evaluate_every, plain.train.patience) == (500, 50, 4)
    assert (plain.model.classifier_spread, based.model.classifier_spread) == (0.01, 0.001)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ({"model": "defrcn-lit"}, ConfigError, "defrcn-lite"),
        ({"changes": {"train.lrr": "1"}}, ConfigError, "train.lr"),
        ({"base": "nowhere.safetensors"}, WeightsError, "nowhere"),
    ],
)
def test_mistakes_are_found_before_any_work(tmp_path: Path, call, error, message) -> None:
    support = write_support(tmp_path / "data", pictures=1)
    with pytest.raises(error, match=message):
        api.learn(support, out=tmp_path / "run", device="cpu", **call)
    assert not (tmp_path / "run").exists()


def test_a_support_without_boxes_and_foreign_test_pictures_are_refused(tmp_path: Path) -> None:
    shown = read_dataset(write_support(tmp_path))
    none = shown.table[torch.zeros(len(shown.table), dtype=torch.bool)]
    with pytest.raises(DataError, match="no box to learn from"):
        support_set(replace(shown, table=none))
    with pytest.raises(DataError, match="name them alike"):
        validation_set(replace(shown, class_names=("a", "b")), shown.class_names)


def test_classes_without_a_box_are_left_out(tmp_path: Path) -> None:
    shown = read_dataset(write_support(tmp_path))
    only = replace(shown, table=shown.table[shown.table.labels == 1])
    assert support_set(only).class_names == ("bar",)
