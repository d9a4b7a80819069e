from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from full_disk import room_for
from tiny_training import SETTINGS, TinyTask, save_weights
from torch import nn

from handful.errors import ConfigError, DataError, NotSupported
from handful.files import replacing
from handful.recipes.tree import to_dict
from handful.train.loop import train
from handful.train.run import OWN_FILES, RunFolder

RECIPE = {"name": "bakery/cake", "recipe": {"train": {"lr": 0.1, "milestones": (3, 5)}}}
OTHER = {"name": "bakery/cake", "recipe": {"train": {"lr": 0.2, "milestones": (3, 5)}}}


def test_a_run_starts_in_a_new_or_empty_folder_and_goes_on_with_the_same_recipe(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "a" / "new"):
        RunFolder.open(place, RECIPE)
        (place / "checkpoint.pt").touch()
        RunFolder.open(place, RECIPE)
        assert (place / "checkpoint.pt").exists()
        assert json.loads((place / "recipe.json").read_text())["recipe"]["train"]["lr"] == 0.1


def test_another_recipe_is_refused_naming_what_differs(tmp_path: Path):
    RunFolder.open(tmp_path / "run", RECIPE)
    with pytest.raises(ConfigError, match=r"recipe\.train\.lr 0\.2.*recipe\.train\.lr 0\.1") as got:
        RunFolder.open(tmp_path / "run", OTHER)
    assert got.value.field == "recipe.train.lr"
    assert RunFolder.open(tmp_path / "run", RECIPE).path == tmp_path / "run"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_other_things_is_refused_and_left_alone(tmp_path: Path, overwrite: bool):
    (tmp_path / "thesis.txt").write_text("years")
    with pytest.raises(ConfigError, match="other files"):
        RunFolder.open(tmp_path, RECIPE, overwrite=overwrite)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]


def test_overwriting_removes_what_a_run_writes(tmp_path: Path):
    RunFolder.open(tmp_path, RECIPE)
    for name in (*OWN_FILES[1:], ".checkpoint-abc.pt", "notes.txt"):
        (tmp_path / name).touch()
    RunFolder.open(tmp_path, OTHER, overwrite=True)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["notes.txt", "recipe.json"]
    assert json.loads((tmp_path / "recipe.json").read_text())["recipe"]["train"]["lr"] == 0.2


def test_temporary_files_of_a_killed_process_are_removed(tmp_path: Path):
    RunFolder.open(tmp_path, RECIPE)
    (tmp_path / ".checkpoint-abc.pt").touch()
    RunFolder.open(tmp_path, RECIPE)
    assert not (tmp_path / ".checkpoint-abc.pt").exists()


def test_a_run_goes_on_with_the_same_data_only(tmp_path: Path):
    run = RunFolder.open(tmp_path, RECIPE)
    run.keep("shots.json", {"boxes": [1, 2]})
    run.keep("shots.json", {"boxes": [1, 2]})
    with pytest.raises(ConfigError, match=r"other data.*shots\.json"):
        run.keep("shots.json", {"boxes": [1, 3]})
    assert json.loads((tmp_path / "shots.json").read_text()) == {"boxes": [1, 2]}


def test_weights_that_do_not_fit_the_disk_leave_the_previous_ones(tmp_path: Path):
    run = RunFolder.open(tmp_path, RECIPE, write_weights=save_replacing)
    run.save_weights(nn.Linear(200, 200), run.last)
    before = run.last.read_bytes()
    with room_for(50_000), pytest.raises(DataError, match=r"last\.safetensors"):
        run.save_weights(nn.Linear(200, 200), run.last)
    assert run.last.read_bytes() == before


def save_replacing(model: nn.Module, path: Path) -> None:
    with replacing(path) as temporary:
        save_weights(model, temporary)


def test_curves_are_refreshed_when_there_is_something_new(tmp_path: Path):
    seen: list[int] = []

    def refresh(run: RunFolder) -> None:
        seen.append(len(run.log.path.read_text().splitlines()))

    run = RunFolder.open(tmp_path, {}, write_weights=save_weights, refresh=refresh)
    train(TinyTask(), SETTINGS, run=run, device="cpu")
    assert seen and seen[-1] == SETTINGS.steps + 1


def test_figures_go_to_tensorboard_if_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    points: list[tuple[str, float, int]] = []

    class SummaryWriter:
        def __init__(self, folder: str, purge_step: int) -> None: ...
        def flush(self) -> None: ...
        def add_scalar(self, name: str, value: float, step: int) -> None:
            points.append((name, value, step))

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    run = RunFolder.open(tmp_path, to_dict(SETTINGS), tensorboard=True)
    train(TinyTask(), SETTINGS, run=run, device="cpu")
    assert [step for name, _, step in points if name == "step/total"] == list(range(1, 21))


def test_tensorboard_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    run = RunFolder.open(tmp_path, {}, tensorboard=True)
    with pytest.raises(NotSupported, match=r"handful\[track\]"):
        run.begin(0)
