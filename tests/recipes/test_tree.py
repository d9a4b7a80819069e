from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace

import pytest

from handful.errors import ConfigError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.recipes.settings import TrainSettings
from handful.recipes.tree import differences, from_dict, leaves, override, show, to_dict


@dataclass(frozen=True)
class Whole:
    train: TrainSettings = TrainSettings()
    model: DeFRCNConfig = DeFRCNConfig(class_names=("dining table", "cat"))
    second: TrainSettings | None = None
    threshold: float = -math.inf
    note: str = ""


@dataclass(frozen=True)
class Needy:
    shots: int


CHANGED = Whole(
    train=TrainSettings(lr=0.005, milestones=(3, 5), ema=0.9, precision="bf16"),
    model=DeFRCNConfig(class_names=("a,b", '"c"', "none"), anchor_sizes=((8.0, 16.0), (32.0,))),
    second=TrainSettings(steps=7),
    threshold=0.5,
    note="none",
)


@pytest.mark.parametrize("recipe", [Whole(), CHANGED], ids=["defaults", "changed"])
def test_a_recipe_survives_json(recipe: Whole):
    assert from_dict(Whole, json.loads(json.dumps(to_dict(recipe), allow_nan=False))) == recipe


def test_what_show_prints_is_complete_and_can_be_given_back_as_changes():
    shown = dict(line.split(maxsplit=1) for line in show(CHANGED).splitlines())
    assert set(shown) == set(leaves(CHANGED))
    assert override(replace(Whole(), second=TrainSettings()), shown) == CHANGED


def test_absent_fields_take_their_defaults():
    assert from_dict(Whole, {"train": {"lr": 0.5}}) == Whole(train=TrainSettings(lr=0.5))


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (Whole, {"tain": {}}, r"field 'tain'.*Did you mean 'train'"),
        (Whole, {"train": {"lrr": 1}}, r"field 'train.lrr'.*Did you mean 'train.lr'"),
        (Whole, {"train": {"lr": "x"}}, r"field 'train.lr'.*got x, expected a number"),
        (Whole, {"train": 3}, r"field 'train'.*got 3"),
        (Whole, {"train": {"steps": 0}}, r"field 'train.steps'"),
        (Needy, {}, r"lacks a field.*'shots'"),
    ],
)
def test_a_saved_recipe_with_a_wrong_field_is_refused_by_its_name(kind, values, message):
    with pytest.raises(ConfigError, match=message):
        from_dict(kind, values)


def test_overriding_changes_the_named_fields_only():
    changed = override(Whole(), {"train.lr": "0.005", "model.test_short_side": 400})
    assert changed.train.lr == 0.005 and changed.model.test_short_side == 400
    assert replace(changed, train=TrainSettings(), model=Whole().model) == Whole()


def test_fields_that_must_agree_are_changed_together():
    changed = override(Whole(), {"train.accumulate": "3", "train.batch": "9"})
    assert (changed.train.accumulate, changed.train.batch) == (3, 9)
    with pytest.raises(ConfigError, match="train.accumulate"):
        override(Whole(), {"train.accumulate": "3"})


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("train.lrr", "Did you mean 'train.lr'"),
        ("lr", "train.lr"),
        ("trian.lr", "Did you mean 'train.lr'"),
        ("train", "train.batch"),
        ("model.pcb_alhpa", "Did you mean 'model.pcb_alpha'"),
    ],
)
def test_an_unknown_field_is_refused_with_the_nearest(path: str, message: str):
    with pytest.raises(ConfigError, match=message) as caught:
        override(Whole(), {path: "1"})
    assert caught.value.field == path


def test_differences_name_the_fields():
    one, other = to_dict(Whole()), to_dict(CHANGED)
    found = differences(one, other)
    assert found["train.lr"] == (0.02, 0.005)
    assert found["model.anchor_sizes"][1] == [[8.0, 16.0], [32.0]]
    assert "train.steps" not in found and differences(one, one) == {}


def test_a_thing_that_is_no_recipe_is_refused():
    with pytest.raises(ConfigError, match="must be a dataclass"):
        to_dict({"lr": 1})
