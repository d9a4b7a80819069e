"""Every published setting of the original, value by value."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from defrcn_reference import KINDS
from golden_cases import file_params, files_of

from handful.methods.defrcn.recipes import (
    CLASSIFIER_DROPOUT,
    DeFRCNRecipe,
    coco_recipe,
    voc_recipe,
)

pytestmark = pytest.mark.golden

SETTINGS = {"det": "fsod", "fsod": "fsod", "gfsod": "gfsod"}
NAME = re.compile(
    r"(?P<family>voc|coco)/defrcn_(?P<setting>det|fsod|gfsod)_r101_"
    r"(?:base(?P<base>\d?)|novel(?P<split>[x\d]?)_(?P<shots>\d+)shot_seed(?P<seed>x|\d+))"
)
SPLIT, SEED = 2, 7
"""What stands for the x of the original's templates."""


def settings() -> list[Any]:
    """Return one parameter a published setting."""
    files = files_of("defrcn", "recipes", KINDS)
    return [
        pytest.param(name, values, id=f"defrcn-{file.stem}-{name}")
        for file in files
        for name, values in json.loads(file.read_text(encoding="utf-8")).items()
    ] or [pytest.param(None, None, marks=file_params("defrcn", "recipes", KINDS)[0].marks)]


def recipe_named(name: str) -> DeFRCNRecipe:
    found = NAME.fullmatch(name)
    assert found is not None, name
    novel = found["setting"] != "det"
    choices: dict[str, Any] = {
        "stage": "novel" if novel else "base",
        "setting": SETTINGS[found["setting"]],
        "shots": int(found["shots"]) if novel else None,
        "seed": filled(found["seed"], SEED) if novel else 0,
    }
    if found["family"] == "coco":
        return coco_recipe(**choices)
    return voc_recipe(split=filled(found["split"] if novel else found["base"], SPLIT), **choices)


def filled(text: str, stand_in: int) -> int:
    return stand_in if text == "x" else int(text)


def official_values(recipe: DeFRCNRecipe) -> dict[str, Any]:
    """Return our settings under the names that the reference uses."""
    model, train, data = recipe.model, recipe.train, recipe.data
    (rpn_pre_train, rpn_pre_test), (rpn_post_train, rpn_post_test) = (
        model.proposals_before_nms,
        model.proposals_after_nms,
    )
    return {
        "num_classes": model.class_count,
        "rpn_decouple": model.decouple_rpn,
        "rpn_scale": model.rpn_scale,
        "roi_decouple": model.decouple_roi,
        "roi_scale": model.roi_scale,
        "freeze_backbone": model.freeze_backbone,
        "freeze_at": model.freeze_at,
        "freeze_rpn": model.freeze_rpn,
        "freeze_res5": model.freeze_head,
        "cls_dropout": model.classifier_dropout > 0,
        # Where it is off, the original keeps the ratio it would have.
        "dropout": model.classifier_dropout or CLASSIFIER_DROPOUT,
        "batch": train.batch,
        "lr": train.lr,
        "steps": list(train.milestones),
        "max_iter": train.steps,
        "warmup_iters": train.warmup,
        "warmup_factor": train.warmup_factor,
        "gamma": train.decay,
        "momentum": train.momentum,
        "weight_decay": train.weight_decay,
        "weight_decay_bias": train.bias_decay,
        "min_size_train": list(model.train_short_sides),
        "max_size_train": model.longest_side,
        "min_size_test": model.test_short_side,
        "max_size_test": model.longest_side,
        "train": [one.name for one in data.train_sets()],
        "test": [one.name for one in data.test_sets()],
        "pcb": model.pcb,
        "pcb_alpha": model.pcb_alpha,
        "pcb_upper": model.pcb_upper,
        "pcb_lower": model.pcb_lower,
        "rpn_pre_train": rpn_pre_train,
        "rpn_post_train": rpn_post_train,
        "rpn_pre_test": rpn_pre_test,
        "rpn_post_test": rpn_post_test,
        "roi_batch": model.roi_batch,
        "score_thresh": model.score_threshold,
        "nms": model.nms_iou,
        "dets": model.max_detections,
        "pooler": model.pooling,
    }


@pytest.mark.parametrize(("name", "values"), settings())
def test_a_published_setting_is_ours_value_by_value(name, values):
    recipe = recipe_named(name)
    ours = official_values(recipe)
    expected = dict(values)
    for key in ("train", "test"):
        expected[key] = [
            re.sub(r"(novel|all)x", rf"\g<1>{SPLIT}", one).replace("seedx", f"seed{SEED}")
            for one in values[key]
        ]
    assert ours == expected
    assert recipe.train.optimizer == "sgd" and recipe.train.schedule == "step"
    assert not recipe.train.nesterov and recipe.train.clip is None
    starts = {"det": "msra", "fsod": "remove", "gfsod": "randinit"}
    assert recipe.init == starts[name.split("_")[1]]


@pytest.mark.parametrize("file", file_params("defrcn", "recipes", KINDS))
def test_every_setting_is_read_once(file: Path):
    names = json.loads(file.read_text(encoding="utf-8"))
    built = [(one.data, one.train) for one in map(recipe_named, names)]
    assert len(set(built)) == len(names)
