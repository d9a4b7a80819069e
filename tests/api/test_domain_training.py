"""The published recipes of MS2A, run from the first stage to the last on drawn pictures."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from stopping import Stops
from tiny_domains import SCENARIO, SIDE, assert_same_tensors, train_quickly, write_scenario

from handful import api
from handful.api.trained import load_detector, save_detector
from handful.errors import ConfigError, DataError, HandfulError, WeightsError
from handful.files import read_json, write_json
from handful.methods.ms2a.recipes import MS2ARecipe, MS2AStages
from handful.methods.ms2a.scenarios import SCENARIOS
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.model import YOLOX

NAME = f"ms2a/{SCENARIO}"
STAGES = tuple(field.name for field in fields(MS2AStages))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pictures of a scenario, and a detector of COCO's many classes."""
    folder = tmp_path_factory.mktemp("scenario")
    write_scenario(folder / "data")
    torch.manual_seed(0)
    config = YOLOXConfig(("cat", "car"), size="nano", flavour="mmdet", input_size=(SIDE, SIDE))
    save_detector(YOLOX(config), folder / "coco.safetensors", source="chance")
    return folder


def recipe(place: Path, stage: str, **changes: object) -> Any:
    stages = STAGES if stage == "all" else ("",)
    return api.recipe(
        NAME,
        choices={"stage": stage, "size": "nano", "data_root": str(place / "data")},
        changes={**train_quickly(stages), **changes},
    )


def run(place: Path, out: Path, stage: str = "all", *, base: Path | None = None, **given: Any):
    chosen = recipe(place, stage, **given.pop("changes", {}))
    base = base or place / "coco.safetensors"
    return api.train(NAME, chosen, out=out, base=base, device="cpu", **given)


def loaded(run: Path) -> Any:
    return load_detector(run, device=torch.device("cpu")).model


@pytest.fixture(scope="module")
def whole(place: Path) -> Path:
    """All stages, run at once."""
    trained = run(place, place / "all")
    assert trained.folder == place / "all" and trained.weights.parent == place / "all" / "target"
    assert {"bbox_mAP", "bbox_mAP_50"} <= set(trained.results)
    assert all(0 <= value <= 1 for value in trained.results.values())
    return place / "all"


@pytest.mark.integration
def test_all_stages_come_to_a_detector_of_the_target_that_has_learnt(whole: Path) -> None:
    assert sorted(one.name for one in whole.iterdir()) == sorted(STAGES)
    base, source, target = (loaded(whole / stage) for stage in ("base", "source", "target"))
    assert base.method == "yolox" and target.method == "ms2a"
    assert target.config.class_names == ("car",)
    assert target.config.default_domain == "target"
    for before, after in zip(source.memories.buffers(), target.memories.buffers(), strict=True):
        assert before.any() and torch.equal(before, after)
    assert not torch.equal(source.head.boxes[0].weight, target.head.boxes[0].weight)
    assert not torch.equal(base.head.boxes[0].weight, source.head.boxes[0].weight)


@pytest.mark.integration
def test_stage_by_stage_comes_to_the_same_weights(place: Path, whole: Path, tmp_path: Path) -> None:
    base = run(place, tmp_path / "base", "base").weights
    memory = run(place, tmp_path / "memory", "memory", base=base).weights
    changes = {"memory_file": str(memory)}
    source = run(place, tmp_path / "source", "source", base=base, changes=changes).weights
    target = run(place, tmp_path / "target", "target", base=source).weights
    for mine in (base, memory, source, target):
        same = whole / mine.relative_to(tmp_path)
        assert_same_tensors(mine, same)


@pytest.mark.integration
@pytest.mark.parametrize("after", [2, 5], ids=["in base", "in source"])
def test_a_run_that_was_stopped_comes_to_the_same_weights(place, whole, tmp_path, after) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(place, tmp_path / "run", reporter=Stops(after))
    assert not (tmp_path / "run" / "target").exists()
    trained = run(place, tmp_path / "run")
    expected = whole / trained.weights.relative_to(tmp_path / "run")
    assert_same_tensors(trained.weights, expected)


@pytest.mark.integration
def test_the_last_weights_are_kept_where_none_are_chosen(place: Path, tmp_path: Path) -> None:
    trained = run(place, tmp_path / "base", "base", changes={"select": "last"})
    assert trained.weights.name == "last.safetensors" and "bbox_mAP" in trained.results
    assert not (tmp_path / "base" / "best.safetensors").exists()


@pytest.mark.parametrize(
    ("stage", "changes", "message"),
    [
        ("all", {"source.model.input_size": "96,96"}, "source.model.input_size.*as in base"),
        ("all", {"target.model.size": "s"}, "target.model.size"),
        ("all", {"memory.memory_file": "m.safetensors"}, "memory_file"),
        ("source", {"model.clusters": 7}, "memory.kmeans.clusters.*got 6.*7"),
        ("target", {"memory_file": "m.safetensors"}, "only the stage source"),
    ],
)
def test_recipes_whose_stages_do_not_fit_are_refused(place, stage, changes, message) -> None:
    with pytest.raises(ConfigError, match=message):
        recipe(place, stage, **changes)


def test_the_memory_has_the_size_of_the_maps() -> None:
    built = api.recipe(NAME, changes={"model.input_size": "64,96"})
    assert isinstance(built, MS2ARecipe) and built.model.memory_sizes == ((8, 12), (4, 6), (2, 3))


@pytest.mark.parametrize(
    ("stage", "base", "error", "message"),
    [
        ("base", False, ConfigError, "COCO"),
        ("memory", False, ConfigError, "stage base came to"),
        ("source", True, ConfigError, "memory_file"),
        ("target", True, WeightsError, "network of the recipe"),
    ],
)
def test_weights_that_are_lacking_are_asked_for(
    place: Path, tmp_path: Path, stage: str, base: bool, error: type[HandfulError], message: str
) -> None:
    with pytest.raises(error, match=message):
        file = place / "coco.safetensors" if base else None
        api.train(NAME, recipe(place, stage), out=tmp_path / "run", base=file, device="cpu")


def spoilt(place: Path, folder: Path, file: str, **changes: Any) -> Path:
    """Return the place again, with another content of some fields of one of its files."""
    write_scenario(folder / "data")
    (folder / "coco.safetensors").write_bytes((place / "coco.safetensors").read_bytes())
    path = folder / "data" / file
    document: Any = read_json(path)
    write_json(path, {**document, **changes})
    return folder


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("kitti/annotations/instances_val2014.json", {"annotations": []}, "no object to measure"),
        (
            "kitti/annotations/instances_train2014.json",
            {"categories": [{"id": 1, "name": "cart"}, {"id": 2, "name": "bar"}]},
            "no such class.*'car'.*cart",
        ),
    ],
)
def test_data_that_cannot_be_learnt_from_is_refused(place, tmp_path, file, changes, message):
    other = spoilt(place, tmp_path, file, **changes)
    with pytest.raises(DataError, match=message):
        run(other, tmp_path / "run", "base")
    assert not (tmp_path / "run").exists()


@pytest.mark.integration
def test_a_memory_of_too_few_pictures_is_refused_before_any_is_looked_at(place, tmp_path) -> None:
    changes = {"memory.kmeans.batch": 4096}
    torch.manual_seed(0)
    base = tmp_path / "base.safetensors"
    save_detector(YOLOX(recipe(place, "memory").detector), base, source="chance")
    with pytest.raises(DataError, match="source: .*got 3, expected 64 or more"):
        run(place, tmp_path / "run", "memory", base=base, changes=changes)
    assert not (tmp_path / "run" / "maps").exists()


@pytest.mark.integration
def test_the_memory_of_another_detector_is_refused(place, whole, tmp_path) -> None:
    torch.manual_seed(1)
    base = tmp_path / "other.safetensors"
    save_detector(YOLOX(recipe(place, "memory").detector), base, source="chance")
    changes = {"memory_file": str(whole / "memory" / "memory.safetensors")}
    with pytest.raises(WeightsError, match="made by another model"):
        run(place, tmp_path / "run", "source", base=base, changes=changes)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_names_files_of_its_own(scenario: str, tmp_path: Path) -> None:
    sets = SCENARIOS[scenario].sets(tmp_path)
    files = [one.file for one in vars(sets).values()]
    assert len(set(files)) == 6 and all(file.is_relative_to(tmp_path) for file in files)
