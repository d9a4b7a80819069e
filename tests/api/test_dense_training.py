"""The published recipes of YOLOX, run on a folder like COCO's with a few drawn pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from stopping import Stops
from tiny_domains import SIDE, assert_same_tensors, train_quickly, write_coco_folder

from handful import api
from handful.api.dense_training import measure_dense
from handful.api.trained import load_detector
from handful.data.formats import read_dataset
from handful.data.splits.divisions import COCO_CATEGORY_IDS
from handful.errors import ConfigError, DataError, WeightsError
from handful.files import read_json, write_json
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.recipes import YOLOXRecipe
from handful.recipes.dense import DenseEvaluation

NAME = "yolox/coco"


def recipe(coco: Path, flavour: str = "megvii", **changes: Any) -> Any:
    quick = {
        name: value
        for name, value in train_quickly().items()
        if name.startswith(("train.", "scales.")) or name == "model.input_size"
    }
    return api.recipe(
        NAME,
        choices={"size": "nano", "flavour": flavour, "data_root": str(coco)},
        changes={**quick, "train_size": f"{SIDE},{SIDE}", "train.lr": 0.01, **changes},
    )


def run(chosen: Any, out: Path, **given: Any):
    return api.train(NAME, chosen, out=out, device="cpu", **given)


@pytest.mark.integration
@pytest.mark.parametrize(("flavour", "metric"), [("megvii", "AP"), ("mmdet", "bbox_mAP")])
def test_a_run_that_was_stopped_comes_to_the_same_weights(coco, tmp_path, flavour, metric) -> None:
    whole = run(recipe(coco, flavour), tmp_path / "whole")
    assert metric in whole.results and all(0 <= one <= 1 for one in whole.results.values())
    network = load_detector(whole.folder, device=torch.device("cpu")).model
    assert network.config.flavour == flavour
    assert network.config.class_names == tuple(COCO_CATEGORY_IDS)
    with pytest.raises(KeyboardInterrupt):
        run(recipe(coco, flavour), tmp_path / "stopped", reporter=Stops())
    again = run(recipe(coco, flavour), tmp_path / "stopped")
    assert_same_tensors(again.weights, whole.weights)
    assert again.results == whole.results


@pytest.mark.integration
def test_weights_of_the_same_network_can_be_started_from(coco: Path, tmp_path: Path) -> None:
    still: dict[str, Any] = {"train.lr": 1e-30, "train.weight_decay": 0, "train.ema": None}
    first = run(recipe(coco, **still), tmp_path / "first")
    second = run(
        recipe(coco, **still, **{"train.seed": 1}), tmp_path / "second", base=first.weights
    )
    one, other = (
        load_detector(x.folder, device=torch.device("cpu")).model for x in (first, second)
    )
    for name, value in one.named_parameters():
        torch.testing.assert_close(value, dict(other.named_parameters())[name])
    with pytest.raises(WeightsError, match="network of the recipe"):
        larger = api.recipe(NAME, choices={"size": "tiny", "data_root": str(coco)})
        run(larger, tmp_path / "third", base=first.weights)


def test_a_network_that_calibrates_is_not_wanted(coco: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="pcb"):
        run(recipe(coco), tmp_path / "run", pcb="r101.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"annotations": []}, "no object to measure on.*2 pictures.*person"),
        ({"categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "bike"}]}, "'bicycle'"),
    ],
)
def test_test_pictures_that_say_nothing_are_refused(tmp_path: Path, change, message) -> None:
    write_coco_folder(tmp_path, tuple(COCO_CATEGORY_IDS))
    file = tmp_path / "annotations" / "instances_val2017.json"
    document: Any = read_json(file)
    write_json(file, {**document, **change})
    with pytest.raises(DataError, match=message):
        run(recipe(tmp_path), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("rules", [DenseEvaluation(), DenseEvaluation("mmdet", "bbox_mAP")])
def test_figures_of_nothing_to_find_are_left_out(coco: Path, rules: DenseEvaluation) -> None:
    built = recipe(coco)
    assert isinstance(built, YOLOXRecipe)
    asked = read_dataset(built.data.test, images=built.data.test_images)
    measured = measure_dense(YOLOX(built.model), asked=asked, rules=rules)
    assert rules.metric in measured
    assert not {"APl", "bbox_mAP_l"} & measured.keys()
