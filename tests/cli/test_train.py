"""``handful train`` with published recipes, as a user runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_domains import SCENARIO, train_quickly, write_scenario, write_tiny_base

from handful import api

STAGES = ("base", "memory", "source", "target")


def test_all_recipes_are_listed_with_their_choices(handful) -> None:
    code, out, err = handful("train", "--list")
    assert code == 0, err
    for entry in api.recipes():
        assert f"{entry.name}: " in out
    assert "size=s flavour=megvii" in out


def test_a_recipe_must_be_named(handful) -> None:
    code, out, err = handful("train", "--steps", 3)
    assert code == 2 and out == "" and "--list" in err


def fields(stages: tuple[str, ...]) -> list[object]:
    return [word for name, value in train_quickly(stages).items() for word in (f"--{name}", value)]


@pytest.mark.integration
def test_four_stages_end_in_a_detector_that_is_used(tmp_path: Path, monkeypatch, handful) -> None:
    monkeypatch.chdir(tmp_path)
    write_scenario(Path("data"))
    write_tiny_base(Path("base.safetensors"))
    words = ("train", f"ms2a/{SCENARIO}", "--choose", "size=nano", "--data-root", "data")
    command = (*words, "--from", "base.safetensors", "--device", "cpu")
    code, out, err = handful(*command, "--stage", "all", *fields(STAGES), "--out", "run")
    assert code == 0, err
    weights = Path("run/target/best.safetensors")
    assert "bbox_mAP_50" in out and f"--model {weights}" in out and "-100" not in out
    query = Path("data/cityscapes/annotations/instances_val2014.json")
    where = ("--images", "data/cityscapes/val2014", "--domain", "target")
    code, out, err = handful("evaluate", "--query", query, "--model", weights, *where)
    assert code == 0, err
    base = ("--from", "run/base/best.safetensors", "--stage", "memory", "--out", "memory")
    code, out, err = handful(*command, *base, *fields(("",)))
    assert code == 0, err
    assert "memory.safetensors" in out and "detect" not in out
