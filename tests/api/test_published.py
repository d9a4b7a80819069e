"""Published few-shot recipes run from files to figures, in small: MPSR with both its streams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from field_layout import write_annotation, write_picture_list, write_shot_list
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from tiny_refinement import stopped_after

from handful import api
from handful.data.splits.divisions import class_division
from handful.errors import ConfigError
from handful.files import read_json
from handful.methods.mpsr.lite import LITE_CONFIG
from handful.methods.mpsr.model import MPSR
from handful.methods.mpsr.recipes import MPSRRecipe, voc_recipe
from handful.recipes.tree import to_dict
from handful.train.log import read_log
from handful.weights import Card, save_weights

DIVISION = class_division("voc1")
PICTURES = [f"{number:06d}" for number in range(1, 5)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root whose four pictures show five classes each, in the files of all stages."""
    names = DIVISION.everything
    for at, image_id in enumerate(PICTURES):
        picture = Image.new("RGB", (96, 96), (110, 120, 130))
        draw, things = ImageDraw.Draw(picture), []
        for place, name in enumerate(names[at::4]):
            box = (4 + 18 * place, 10 + 8 * place, 20 + 18 * place, 34 + 8 * place)
            draw.rectangle(box, fill=(40 * place, 200 - 30 * at, 60))
            things.append({"name": name, "bbox": box})
            write_shot_list(tmp_path / "vocsplit" / "seed0", 1, name, [image_id])
        write_annotation(tmp_path, image_id, things, size=(96, 96))
        place = tmp_path / "VOC2007" / "JPEGImages"
        place.mkdir(parents=True, exist_ok=True)
        picture.save(place / f"{image_id}.jpg")
    for year, subset in ((2007, "trainval"), (2012, "trainval"), (2007, "test")):
        write_picture_list(tmp_path, year, subset, PICTURES if year == 2007 else PICTURES[:1])
    for folder in ("Annotations", "JPEGImages"):
        (tmp_path / "VOC2012").mkdir(exist_ok=True)
        (tmp_path / "VOC2012" / folder).symlink_to(tmp_path / "VOC2007" / folder)
    return tmp_path


def small(recipe: MPSRRecipe, **train: object) -> MPSRRecipe:
    """Return ``recipe`` with a network, and a schedule, that a test can afford."""
    model = replace(
        LITE_CONFIG,
        class_names=recipe.model.class_names,
        train_short_sides=(64,),
        test_short_side=64,
        fpn_channels=16,
        dense_channels=32,
        roi_batch=16,
        proposals_before_nms=(60, 60),
        proposals_after_nms=(30, 30),
    )
    settings = replace(recipe.train, steps=3, milestones=(2,), warmup=0, evaluate_every=0)
    return replace(recipe, model=model, train=replace(settings, **train), init="none")


@pytest.mark.integration
def test_both_stages_of_mpsr_run_and_a_stopped_run_ends_as_an_unbroken_one(
    root, tmp_path, monkeypatch
):
    base = small(voc_recipe(1, data_root=root))
    first = api.train("mpsr/voc", base, out=tmp_path / "base", device="cpu")
    assert "bAP50" in first.results
    novel = small(voc_recipe(1, "novel", 1, data_root=root), checkpoint_every=1)
    novel = replace(novel, init="remove", starting_point="mmfewshot")
    options = {"base": first.weights, "device": "cpu"}
    whole = api.train("mpsr/voc", novel, out=tmp_path / "whole", **options)
    assert {"bAP50", "nAP50", "AP50"} <= set(whole.results)
    losses = read_log(whole.folder / "log.jsonl")
    assert {"crop_objectness", "crop_classes"} <= set(losses)
    shots = read_json(whole.folder / "shots.json")
    assert len(shots["boxes"]) == len(DIVISION.everything)
    with stopped_after(2 * novel.train.accumulate, monkeypatch), pytest.raises(KeyboardInterrupt):
        api.train("mpsr/voc", novel, out=tmp_path / "part", **options)
    resumed = api.train("mpsr/voc", novel, out=tmp_path / "part", **options)
    ours, theirs = load_file(resumed.weights), load_file(whole.weights)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.integration
def test_a_base_of_the_other_code_base_is_recognised(root, tmp_path):
    novel = small(voc_recipe(1, "novel", 1, data_root=root))
    novel = replace(novel, init="remove", starting_point="mmfewshot")
    config = replace(novel.model, class_names=DIVISION.base, box_rule="authors")
    fields = to_dict(config)
    del fields["class_names"]
    card = Card(
        method="mpsr", config=fields, class_names=DIVISION.base, licence="MIT", source="a test"
    )
    save_weights(tmp_path / "base.safetensors", MPSR(config).state_dict(), card)
    with pytest.raises(ConfigError, match="--starting-point authors"):
        api.train("mpsr/voc", novel, out=tmp_path / "run", base=tmp_path / "base.safetensors")


def test_a_second_network_that_nothing_would_use_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no second network"):
        api.train("mpsr/voc", voc_recipe(1), out=tmp_path / "run", pcb="resnet101")


def test_a_run_without_its_starting_weights_is_refused_before_data_are_read(tmp_path):
    with pytest.raises(ConfigError, match="--from with a base detector"):
        api.train("mpsr/voc", voc_recipe(1, "novel", 3), out=tmp_path / "run")
