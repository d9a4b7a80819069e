"""The published recipes of O2F, run on a folder like COCO's with a few drawn pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from stopping import Stops
from tiny_domains import assert_same_tensors, write_coco_folder

from handful import api
from handful.api.trained import load_detector, save_detector
from handful.data.formats import write_dataset
from handful.data.splits.divisions import COCO_CATEGORY_IDS
from handful.data.synthetic import ShelfRecipe, draw_shelves
from handful.errors import ConfigError
from handful.files import read_json, write_json
from handful.methods.o2f.model import O2F
from handful.nn.backbones.efficientnet_lite0 import efficientnet_lite0
from handful.weights import Card, save_weights
from handful.weights.card import BACKBONE

NAME = "o2f/coco"
QUICKLY: dict[str, Any] = {
    "model.trunk": "efficientnet_lite0",
    "model.channels": 32,
    "model.tower_depth": 1,
    "model.quality_channels": 16,
    "model.group_count": 8,
    "model.test_size": "64,96",
    "augmentation.longest": 96,
    "augmentation.short": "48,64",
    "init": "none",
    "train.steps": 4,
    "train.batch": 2,
    "train.warmup": 1,
    "train.milestones": "2",
    "train.evaluate_every": 2,
    "train.checkpoint_every": 1,
    "train.workers": 0,
    "evaluate.score_threshold": 0.0,
}


def recipe(coco: Path, **changes: Any) -> Any:
    return api.recipe(NAME, choices={"data_root": str(coco)}, changes={**QUICKLY, **changes})


def run(chosen: Any, out: Path, **given: Any):
    return api.train(NAME, chosen, out=out, device="cpu", **given)


@pytest.mark.integration
def test_a_run_that_was_stopped_comes_to_the_same_weights(coco: Path, tmp_path: Path) -> None:
    whole = run(recipe(coco), tmp_path / "whole")
    assert 0 <= whole.results["AP"] <= 1
    network = load_detector(whole.folder, device=torch.device("cpu")).model
    assert network.config.class_names == tuple(COCO_CATEGORY_IDS)
    with pytest.raises(KeyboardInterrupt):
        run(recipe(coco), tmp_path / "stopped", reporter=Stops())
    again = run(recipe(coco), tmp_path / "stopped")
    assert_same_tensors(again.weights, whole.weights)
    assert again.results == whole.results


@pytest.mark.integration
def test_a_run_starts_from_a_classifier_or_a_detector_as_it_says(
    coco: Path, tmp_path: Path
) -> None:
    still: dict[str, Any] = {"train.lr": 1e-30, "train.weight_decay": 0, "train.steps": 1}
    torch.manual_seed(5)
    trunk = efficientnet_lite0((8, 16, 32), pretrained=False)
    classifier = tmp_path / "classifier.safetensors"
    save_weights(
        classifier, trunk.state_dict(), Card(BACKBONE, {}, (), licence="", source="a test")
    )
    first = run(recipe(coco, **still, init="imagenet"), tmp_path / "first", base=classifier)
    one: Any = load_detector(first.folder, device=torch.device("cpu")).model
    for name, value in trunk.named_parameters():
        torch.testing.assert_close(dict(one.trunk.named_parameters())[name], value)
    second = run(recipe(coco, **still, init="detector"), tmp_path / "second", base=first.weights)
    other: Any = load_detector(second.folder, device=torch.device("cpu")).model
    for name, value in one.named_parameters():
        torch.testing.assert_close(dict(other.named_parameters())[name], value)


@pytest.mark.integration
def test_masks_are_learnt_from_outlines(tmp_path: Path) -> None:
    drawn = draw_shelves(
        ShelfRecipe(seed=1, scenes=3, width=96, height=64, classes=2, objects=(1, 2), side=30)
    )
    file = tmp_path / "drawn" / "all.json"
    write_dataset(drawn, file, format="coco")
    places: dict[str, Any] = {
        name: str(place)
        for part in ("train", "test")
        for name, place in (
            (f"data.{part}", file),
            (f"data.{part}_images", file.parent / "images"),
        )
    }
    names = ",".join(drawn.class_names)
    chosen = api.recipe(
        NAME,
        choices={"masks": True},
        changes={**QUICKLY, **places, "model.class_names": names},
    )
    done = run(chosen, tmp_path / "run")
    assert {"AP", "segm_AP"} <= done.results.keys()
    log = (done.folder / "log.jsonl").read_text()
    assert '"mask"' in log and '"semantic"' in log


@pytest.mark.parametrize(
    ("init", "method", "message"),
    [
        ("imagenet", None, "--from with an ImageNet classifier"),
        ("none", "o2f", "no --from"),
        ("imagenet", "o2f", "got o2f, expected backbone"),
        ("detector", "backbone", "got backbone, expected o2f"),
    ],
)
def test_weights_that_do_not_fit_the_recipe_are_refused(
    coco: Path, tmp_path: Path, init: str, method: str | None, message: str
) -> None:
    chosen = recipe(coco, init=init)
    base = None
    if method == "o2f":
        base = tmp_path / "base.safetensors"
        save_detector(O2F(chosen.model), base, source="a test")
    elif method == "backbone":
        base = tmp_path / "base.safetensors"
        state = {"conv1.weight": torch.zeros(1)}
        save_weights(base, state, Card(BACKBONE, {}, (), licence="", source="a test"))
    with pytest.raises(ConfigError, match=message):
        run(chosen, tmp_path / "run", base=base)
    assert not (tmp_path / "run").exists()


@pytest.mark.integration
def test_pictures_whose_regions_are_all_ignored_are_learnt_as_background(
    coco: Path, tmp_path: Path
) -> None:
    write_coco_folder(tmp_path, tuple(COCO_CATEGORY_IDS))
    file = tmp_path / "annotations" / "instances_train2017.json"
    document: Any = read_json(file)
    for one in document["annotations"]:
        one["iscrowd"] = 1
    write_json(file, document)
    done = run(recipe(tmp_path, **{"train.steps": 2}), tmp_path / "run")
    log = [
        line for line in (done.folder / "log.jsonl").read_text().splitlines() if '"boxes"' in line
    ]
    assert log and all('"boxes": 0.0' in line for line in log)
