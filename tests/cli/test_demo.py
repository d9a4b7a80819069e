"""``handful demo`` and ``handful train``: what they print and write."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from handful import api
from handful.api import demonstration
from handful.methods.os2d.lite import LiteRecipe


@pytest.fixture
def small_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small scenes in place of the demo's own."""
    scenes = replace(
        api.DEMO_SCENES, scenes=2, classes=3, width=240, height=180, objects=(2, 3), side=64
    )
    demo = demonstration.demo
    monkeypatch.setattr(api, "demo", lambda *args, **more: demo(*args, scenes=scenes, **more))


def test_the_demo_prints_its_figures_and_writes_a_page(
    tmp_path: Path, weights: Path, small_demo: None, handful
) -> None:
    code, out, err = handful("demo", "--out", tmp_path / "demo", "--model", weights)
    assert code == 0, err
    assert all(name in out for name in ("AP50", "seconds a picture", "seconds a class"))
    assert "searching drawn shelves: 2 of 2 done" in err
    names = {path.name for path in (tmp_path / "demo").iterdir()}
    assert names == {"index.html", "result.json", "examples.png", "scene-1.png", "scene-2.png"}
    result = json.loads((tmp_path / "demo" / "result.json").read_text("utf-8"))
    assert result["pictures"] == 2 and result["classes"] == 3 and 0 <= result["ap50"] <= 1
    assert result["seconds_a_picture"] > result["seconds_for_features"] > 0
    page = (tmp_path / "demo" / "index.html").read_text("utf-8")
    assert "scene-2.png" in page and "examples.png" in page
    assert Image.open(tmp_path / "demo" / "scene-1.png").size == (240, 180)


@pytest.mark.parametrize("words", [("demo",), ("train", "os2d-lite")])
def test_a_place_that_cannot_be_written_is_refused_before_any_work(
    words: tuple[str, ...], tmp_path: Path, handful
) -> None:
    (tmp_path / "taken").write_text("a file")
    code, out, err = handful(*words, "--out", tmp_path / "taken")
    assert code == 2 and out == ""
    assert err.startswith("error: cannot write the output") and err.count("\n") == 1


def test_training_names_the_weights_and_the_next_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, handful
) -> None:
    asked = {}

    def train(name: str, recipe: LiteRecipe, **options: object) -> api.Trained:
        asked.update(options, name=name, steps=recipe.steps, seed=recipe.seed)
        return api.Trained(tmp_path, tmp_path / "os2d-lite.safetensors", {})

    monkeypatch.setattr(api, "train", train)
    words = ("train", "os2d-lite", "--out", tmp_path, "--steps", 3, "--seed", 7)
    code, out, err = handful(*words)
    assert code == 0, err
    assert asked["out"] == tmp_path
    assert (asked["name"], asked["steps"], asked["seed"]) == ("os2d-lite", 3, 7)
    assert f"--model {tmp_path / 'os2d-lite.safetensors'}" in out
