from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny_training import SETTINGS, Rows, TinyTask, run_in
from torch import Tensor, nn

from handful.errors import ConfigError, DataError
from handful.recipes.settings import TrainSettings
from handful.train.log import read_log
from handful.train.loop import train

SAVING = replace(SETTINGS, checkpoint_every=4)
LEARNING = replace(SETTINGS, steps=100, lr=0.01, schedule="cosine")


class Interrupted(Exception):
    """Stands for whatever ends a process."""


class Stopping(TinyTask):
    """A task whose process ends when it asks for the batch of update 10."""

    def batches(self, start: int) -> Iterator[Rows]:
        for number, batch in enumerate(super().batches(start), start * self.parts):
            if number == 10 * self.parts:
                raise Interrupted
            yield batch


class Listener:
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.figures: list[dict[str, float]] = []

    def start(self, task: str, total: int | None) -> None: ...
    def finish(self, task: str) -> None: ...
    def note(self, text: str) -> None:
        self.notes.append(text)

    def advance(self, task: str, steps: int = 1, **values: float) -> None:
        self.figures.append(values)


def trained(settings: TrainSettings, **fields: object) -> TinyTask:
    task = TinyTask(**{"parts": settings.accumulate, **fields})  # type: ignore[arg-type]
    train(task, settings, device="cpu")
    return task


def same(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_training_lowers_the_loss_on_rows_never_seen():
    task, unseen = TinyTask(), next(TinyTask().batches(10_000))
    before = task.losses(task.model.eval(), unseen)["total"]
    train(task, LEARNING, device="cpu")
    assert task.losses(task.model.eval(), unseen)["total"] < 0.2 * before


def test_the_seed_alone_decides():
    assert same(trained(SETTINGS).model, trained(SETTINGS).model)
    assert not same(trained(SETTINGS).model, trained(replace(SETTINGS, seed=1)).model)


@pytest.mark.parametrize(
    "settings",
    [SAVING, replace(SAVING, ema=0.9), replace(SAVING, optimizer="adamw", accumulate=2)],
    ids=["sgd", "average", "adamw"],
)
def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(
    tmp_path: Path, settings: TrainSettings
):
    whole = run_in(tmp_path / "whole", settings)
    with pytest.raises(Interrupted):
        run_in(tmp_path / "cut", settings, Stopping(parts=settings.accumulate))
    resumed = run_in(tmp_path / "cut", settings)
    assert same(whole.model, resumed.model)
    one, other = (read_log(tmp_path / name / "log.jsonl") for name in ("whole", "cut"))
    assert one["step"] == other["step"] == list(range(1, 21))
    assert one["total"] == other["total"] and one["lr"] == other["lr"]
    weights = [load_file(tmp_path / name / "last.safetensors") for name in ("whole", "cut")]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_a_finished_run_does_nothing_more(tmp_path: Path):
    first = run_in(tmp_path, SAVING)
    log = (tmp_path / "log.jsonl").read_text()
    again = run_in(tmp_path, SAVING, TinyTask(seed=5))
    assert same(first.model, again.model)
    assert (tmp_path / "log.jsonl").read_text() == log


def test_the_mean_of_parts_is_minimised():
    whole, batches = trained(replace(SETTINGS, accumulate=2, steps=1)), TinyTask(parts=2).batches(0)
    task = TinyTask()
    task.model.eval()
    quiet = TinyTask(parts=2)
    quiet.start_training = quiet.model.eval  # type: ignore[method-assign]
    train(quiet, replace(SETTINGS, accumulate=2, steps=1, clip=None), device="cpu")
    parts = [task.losses(task.model, next(batches))["total"] for _ in range(2)]
    (sum(parts) / 2).backward()  # type: ignore[union-attr]
    decay = SETTINGS.weight_decay
    for before, after in zip(task.model.parameters(), quiet.model.parameters(), strict=True):
        step = before.grad + decay * before.detach()  # type: ignore[operator]
        assert torch.allclose(after, before - SETTINGS.lr * step, atol=1e-7)
    assert not same(whole.model, quiet.model)


def test_the_gradient_is_reported_whole_and_applied_clipped():
    listener, settings = Listener(), replace(SETTINGS, steps=1, clip=0.5, weight_decay=0.0)
    before, task = TinyTask(), TinyTask()
    train(task, settings, device="cpu", reporter=listener)
    moved = [a - b for a, b in zip(task.model.parameters(), before.model.parameters(), strict=True)]
    length = torch.cat([one.detach().flatten() for one in moved]).norm().item()
    assert listener.figures[0]["gradient"] > 0.5
    assert length == pytest.approx(0.5 * settings.lr, rel=1e-4)


def test_the_schedule_is_followed(tmp_path: Path):
    run_in(tmp_path, replace(SETTINGS, steps=4, milestones=(2, 3), warmup=2, warmup_factor=0.5))
    rates = read_log(tmp_path / "log.jsonl")["lr"]
    assert rates == pytest.approx([0.025, 0.0375, 0.005, 0.0005])


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_good_weights(tmp_path: Path):
    good = run_in(tmp_path / "good", replace(SETTINGS, steps=7), TinyTask(norm=True))
    bad = TinyTask(norm=True, poison=(7,))
    with pytest.raises(ConfigError, match=r"update 8.*total nan.*pictures 70, 71.*train\.lr"):
        run_in(tmp_path / "bad", SETTINGS, bad)
    assert same(bad.model, good.model)
    kept = load_file(tmp_path / "bad" / "last.safetensors")
    assert all(torch.equal(kept[key], value) for key, value in good.model.state_dict().items())


def test_a_part_that_is_no_number_is_named_alone():
    class SecondPart(TinyTask):
        def losses(self, model: nn.Module, batch: Rows) -> Mapping[str, Tensor]:
            wrong = math.nan if len(batch.inputs) == 4 else 1.0
            return {"total": super().losses(model, batch)["total"] * wrong}

    with pytest.raises(ConfigError, match="on pictures 0, 1, 2, 3, expected"):
        train(SecondPart(parts=2), replace(SETTINGS, accumulate=2), device="cpu")


def test_a_bad_update_is_skipped_if_the_settings_say_so(tmp_path: Path):
    task = TinyTask(norm=True, poison=(3, 5))
    outcome = run_in(tmp_path, replace(SETTINGS, nonfinite="skip"), task)
    assert (outcome.steps, outcome.skipped) == (20, 2)
    assert all(value.isfinite().all() for value in task.model.state_dict().values())
    skipped = read_log(tmp_path / "log.jsonl", "skipped")
    assert skipped["step"] == [4, 6] and skipped["batch"][0].startswith("pictures 30, 31")


def test_the_best_weights_are_those_of_the_best_evaluation(tmp_path: Path):
    settings = replace(SETTINGS, evaluate_every=5, ema=0.5)
    task = TinyTask(scores=(0.1, 0.9, 0.3, 0.2))
    outcome = run_in(tmp_path, settings, task)
    assert (outcome.best, outcome.best_step, outcome.results) == (0.9, 10, {"score": 0.2})
    best = load_file(tmp_path / "best.safetensors")
    last = load_file(tmp_path / "last.safetensors")
    assert float(best["0.weight"].sum()) == pytest.approx(task.evaluated[1])
    assert float(last["0.weight"].sum()) == pytest.approx(task.evaluated[3])
    assert read_log(tmp_path / "log.jsonl", "evaluation")["score"] == [0.1, 0.9, 0.3, 0.2]
    assert json.loads((tmp_path / "results.json").read_text())["best_step"] == 10


def test_a_plateau_lowers_the_rate_and_then_ends_training(tmp_path: Path):
    settings = replace(SETTINGS, evaluate_every=2, patience=2, plateau_drops=1, checkpoint_every=3)
    outcome = run_in(tmp_path, settings, TinyTask(scores=(0.5, 0.4)))
    assert (outcome.steps, outcome.best_step) == (10, 2)
    rates = read_log(tmp_path / "log.jsonl")["lr"]
    assert rates == pytest.approx([0.05] * 6 + [0.005] * 4)
    assert run_in(tmp_path, settings, TinyTask(scores=(0.5, 0.4))).steps == 10


def test_the_model_learns_on_after_an_evaluation():
    class Watching(TinyTask):
        def losses(self, model: nn.Module, batch: Rows) -> Mapping[str, Tensor]:
            assert model.training
            return super().losses(model, batch)

        def evaluate(self, model: nn.Module) -> Mapping[str, float]:
            assert not model.training and not torch.is_grad_enabled()
            return super().evaluate(model)

    train(Watching(scores=(1.0,)), replace(SETTINGS, evaluate_every=3), device="cpu")


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precision_stays_finite_and_learns(precision, tmp_path: Path):
    task = TinyTask()
    run_in(tmp_path / "low", replace(LEARNING, precision=precision), task)
    run_in(tmp_path / "full", LEARNING)
    low, full = (read_log(tmp_path / name / "log.jsonl")["total"] for name in ("low", "full"))
    assert all(map(math.isfinite, low)) and sum(low[-20:]) < 0.5 * sum(low[:20])
    assert all(parameter.dtype == torch.float32 for parameter in task.model.parameters())
    assert low[0] == pytest.approx(full[0], rel=0.05) and low[0] != full[0]


def test_half_precision_resumes_with_its_scale(tmp_path: Path):
    settings = replace(SAVING, precision="fp16")
    whole = run_in(tmp_path / "whole", settings)
    with pytest.raises(Interrupted):
        run_in(tmp_path / "cut", settings, Stopping())
    assert same(whole.model, run_in(tmp_path / "cut", settings).model)


class Ending(TinyTask):
    def batches(self, start: int) -> Iterator[Rows]:
        yield from list(zip(range(3), super().batches(start), strict=False))[0][1:]


class WithoutTotal(TinyTask):
    def losses(self, model: nn.Module, batch: Rows) -> Mapping[str, Tensor]:
        return {"half": super().losses(model, batch)["half"]}


class WithAnotherMetric(TinyTask):
    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        return {"scores": 1.0}


@pytest.mark.parametrize(
    ("task", "kind", "message"),
    [
        (Ending(), DataError, "no more batches"),
        (WithoutTotal(), ConfigError, "lack their total"),
        (WithAnotherMetric(scores=(1.0,)), ConfigError, "Did you mean 'scores'"),
    ],
)
def test_a_task_that_breaks_its_promise_is_told(task: TinyTask, kind: type, message: str):
    with pytest.raises(kind, match=message):
        train(task, SETTINGS, device="cpu")


@pytest.mark.parametrize("device", ["cuda", "cuda:1", "tpu", "mps"])
def test_a_device_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, device: str):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ConfigError, match="CUDA|no such device"):
        train(TinyTask(), SETTINGS, device=device)
