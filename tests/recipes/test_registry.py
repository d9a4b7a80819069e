from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from handful.errors import ConfigError, DataError
from handful.recipes import registry
from handful.recipes.registry import (
    build_recipe,
    read_recipe,
    recipe_entry,
    recipe_names,
    register,
    save_recipe,
)
from handful.recipes.settings import TrainSettings


@dataclass(frozen=True)
class Cake:
    layers: int = 3
    train: TrainSettings = TrainSettings()


@pytest.fixture(autouse=True)
def cake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_ENTRIES", {})

    @register("bakery/cake")
    def build(size: Literal["small", "big"], shots: int = 1) -> Cake:
        """Bake it.

        More words.
        """
        return Cake(layers=shots, train=TrainSettings(steps=10 if size == "small" else 100))

    yield


def test_a_recipe_is_built_by_name_from_what_a_user_typed():
    assert build_recipe("bakery/cake", {"size": "big", "shots": "5"}) == Cake(
        layers=5, train=TrainSettings(steps=100)
    )


def test_an_entry_tells_its_choices():
    entry = recipe_entry("bakery/cake")
    assert recipe_names() == ("bakery/cake",)
    assert (entry.summary, entry.kind) == ("Bake it.", Cake)
    assert entry.types == {"size": Literal["small", "big"], "shots": int}
    assert entry.defaults == {"shots": 1}


@pytest.mark.parametrize(
    ("name", "choices", "message"),
    [
        ("bakery/cakes", {}, "Did you mean 'bakery/cake'"),
        ("bakery/cake", {"size": "small", "shot": 2}, "Did you mean 'shots'"),
        ("bakery/cake", {"size": "medium"}, "'small' or 'big'"),
        ("bakery/cake", {}, "lacks a choice.*'size'"),
    ],
)
def test_wrong_names_and_choices_are_refused(name: str, choices: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        build_recipe(name, choices)


def test_a_name_is_given_once():
    def other() -> Cake:
        return Cake()

    other.__module__ = "elsewhere"
    with pytest.raises(ConfigError, match="two recipes of one name"):
        register("bakery/cake")(other)


def test_a_saved_file_alone_rebuilds_a_changed_recipe(tmp_path: Path):
    changed = replace(Cake(), train=TrainSettings(milestones=(4, 6)))
    save_recipe(tmp_path / "recipe.json", "bakery/cake", changed)
    assert read_recipe(tmp_path / "recipe.json") == ("bakery/cake", changed)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "holds no recipe"),
        ('{"name": "bakery/pie", "recipe": {}}', "no recipe of this name"),
        ('{"name": "bakery/cake", "recipe": {"train": {"lr": "x"}}}', "'train.lr'"),
    ],
)
def test_a_file_with_a_wrong_recipe_is_refused_by_name(tmp_path: Path, text: str, message: str):
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_recipe(tmp_path / "recipe.json")
    assert caught.value.file == str(tmp_path / "recipe.json")


def test_a_missing_file_is_a_data_error(tmp_path: Path):
    with pytest.raises(DataError, match="cannot read"):
        read_recipe(tmp_path / "recipe.json")
