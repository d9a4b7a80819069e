"""The training loop: batches in, a trained model out, resumable at any checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn

from handful.errors import ConfigError, DataError, suggest
from handful.recipes.settings import TrainSettings
from handful.reporter import Reporter, SilentReporter
from handful.train.allocation import reused_memory
from handful.train.checkpoint import load_checkpoint, save_checkpoint
from handful.train.ema import averaged
from handful.train.optim import build_optimizer, set_learning_rate
from handful.train.progress import Progress
from handful.train.run import RESULTS, RunFolder
from handful.train.runtime import Runtime, seed_part
from handful.train.schedule import evaluation_due
from handful.train.task import LossStep, Parcel, Task

TOTAL, GRADIENT = "total", "gradient"
MOST_OVERFLOWS = 40
"""Updates in a row that half precision may lose while it looks for the scale of the losses."""


@dataclass(frozen=True)
class Outcome:
    """What training came to.

    model: as evaluated: averaged if the settings say so, after the last update. steps: updates
    made, all sittings together; skipped: of these, how many changed nothing. best, best_step:
    the best figure and when; None, 0 without evaluation. results: the last evaluation.
    """

    model: nn.Module
    steps: int
    skipped: int
    best: float | None
    best_step: int
    results: dict[str, float]


def train(
    task: Task,
    settings: TrainSettings,
    *,
    run: RunFolder | None = None,
    reporter: Reporter | None = None,
    device: str = "auto",
) -> Outcome:
    """Train ``task.model`` in place by ``settings`` and return what it came to.

    run: where checkpoints, the log, weights and results go; training resumes from what is
    there and ends at the same numbers as if it had never stopped. device: "auto" takes a CUDA
    device where there is one; processes started by ``torchrun`` share the work.

    Raises ``ConfigError`` if a loss or gradient is no number, naming the update and the
    pictures: the model is then as before that update, and so are the last weights in ``run``.
    ``DataError`` if a file cannot be written or batches run out.
    """
    runtime = Runtime(settings.precision, device)
    listener = reporter if reporter and runtime.is_main else SilentReporter()
    with reused_memory():
        return Training(task, settings, runtime, run, listener).fit()


class Training:
    """A run under way: everything that changes from one update to the next."""

    def __init__(
        self,
        task: Task,
        settings: TrainSettings,
        runtime: Runtime,
        run: RunFolder | None,
        reporter: Reporter,
    ) -> None:
        self.task, self.settings, self.runtime = task, settings, runtime
        self.run, self.reporter = run, reporter
        self.model = task.model
        optimizer = build_optimizer(task.groups(settings), settings)
        self.module, self.optimizer = runtime.prepare(LossStep(task), optimizer)
        self.average = averaged(self.model, settings)
        self.progress = Progress()
        self.parts: dict[str, Any] = {
            "model": self.model,
            "optimizer": self.optimizer,
            "precision": runtime,
        }
        if self.average:
            self.parts["average"] = self.average

    def fit(self) -> Outcome:
        """Go on from where the run stands until it is finished."""
        self.resume()
        settings, progress = self.settings, self.progress
        batches = self.task.batches(progress.step)
        self.task.start_training()
        self.reporter.start("train", settings.steps - progress.step)
        try:
            while not progress.finished:
                began = time.perf_counter()
                figures = self.update(self.next_parts(batches))
                progress.step += 1
                progress.finished = progress.step == settings.steps
                self.reporter.advance("train", 1, **figures)
                self.tell("step", {**figures, "seconds": time.perf_counter() - began})
                if progress.finished or evaluation_due(progress.step, settings):
                    self.evaluate()
                if progress.finished or _due(progress.step, settings.checkpoint_every):
                    self.save()
        finally:
            self.reporter.finish("train")
        return self.close()

    def update(self, batches: Sequence[Any]) -> dict[str, float]:
        """Change the model by one step on ``batches`` and return the losses and the rate."""
        factor = self.task.learning_rate_factor(self.progress.step, self.settings)
        factor *= self.settings.decay**self.progress.drops
        set_learning_rate(self.optimizer, factor)
        before = [buffer.clone() for buffer in _moving_buffers(self.model)]
        losses = self.gradients(batches)
        norm = self.runtime.clip(self.module, self.optimizer, self.settings.clip)
        figures = self.runtime.mean({**_means(losses), GRADIENT: norm})
        if math.isfinite(figures[TOTAL] + figures[GRADIENT]):
            self.progress.overflows = 0
            self.optimizer.step()
            if self.average:
                self.average.update(self.model)
        else:
            self.undo(before)
            if not self.overflowed(figures[TOTAL]):
                self.refuse(figures, batches, losses)
            self.progress.skipped += 1
        return {**figures, "lr": self.settings.lr * factor}

    def undo(self, buffers: Sequence[Tensor]) -> None:
        """Put back what the forward pass changed; no weight has been touched."""
        with torch.no_grad():
            for buffer, value in zip(_moving_buffers(self.model), buffers, strict=True):
                buffer.copy_(value)
        if self.runtime.scales_losses:
            self.optimizer.step()  # the scaler makes it lower the scale, and no more

    def overflowed(self, total: float) -> bool:
        """Tell whether only the gradient of a scaled loss was too large, as happens in fp16."""
        self.progress.overflows += 1
        few = self.progress.overflows <= MOST_OVERFLOWS
        return self.runtime.scales_losses and math.isfinite(total) and few

    def gradients(self, batches: Sequence[Any]) -> list[dict[str, Tensor]]:
        """Leave the mean gradient of all parts of all processes; return this one's losses."""
        self.optimizer.zero_grad()
        found = []
        for number, batch in enumerate(batches):
            part = self.runtime.rank * len(batches) + number
            seed_part(self.settings.seed, step=self.progress.step, part=part)
            if number + 1 < len(batches):
                with self.runtime.unsynchronised(self.module):
                    found.append(self.part_gradient(batch, len(batches)))
            else:
                found.append(self.part_gradient(batch, len(batches)))
        return found

    def part_gradient(self, batch: Any, parts: int) -> dict[str, Tensor]:
        """Add the gradient of one of ``parts`` parts; return its losses."""
        losses = self.module(Parcel(self.runtime.to_device(batch)))
        if TOTAL not in losses:
            raise ConfigError("the losses of a task lack their total", got=", ".join(losses))
        self.runtime.backward(losses[TOTAL] / parts)
        return {name: value.detach() for name, value in losses.items()}

    def refuse(
        self, figures: Mapping[str, float], batches: Sequence[Any], losses: Sequence[Any]
    ) -> None:
        """Skip an update that cannot be made, or stop and say which pictures led to it."""
        step = self.progress.step + 1
        bad = [
            self.task.describe(batch)
            for batch, found in zip(batches, losses, strict=True)
            if not torch.isfinite(found[TOTAL])
        ] or [self.task.describe(batch) for batch in batches]
        wrong = {name: value for name, value in figures.items() if not math.isfinite(value)}
        got = ", ".join(f"{name} {value}" for name, value in wrong.items())
        on = "; ".join(text for texts in self.runtime.gather(bad) for text in texts)
        self.tell("skipped", {"got": got, "batch": on}, step=step)
        if self.settings.nonfinite == "skip":
            self.reporter.note(f"update {step} skipped: {got}, on {on}")
            return
        if self.run:
            self.run.save_weights(self.evaluated, self.run.last)
        raise ConfigError(
            f"a loss is no number at update {step}",
            file=self.run.path if self.run else None,
            got=f"{got}, on {on}",
            expected="finite losses and gradients",
            remedy=(
                "The weights are as before this update. Lower train.lr, set train.clip, warm up "
                "longer, or look at these pictures"
            ),
        )

    @property
    def evaluated(self) -> nn.Module:
        """The model that is measured and kept: the average if there is one."""
        return self.average.model if self.average else self.model

    def evaluate(self) -> None:
        """Measure the model, keep it if it is the best so far, and see whether to go on."""
        results: dict[str, float] = {}
        if self.runtime.is_main:
            self.evaluated.eval()
            with torch.no_grad():
                results = dict(self.task.evaluate(self.evaluated))
        self.task.start_training()
        self.progress.results = results = self.runtime.broadcast(results)
        if not results:
            return
        self.tell("evaluation", results)
        if self.task.metric is None:
            return
        if self.task.metric not in results:
            raise ConfigError(
                "the evaluation lacks the figure that training is judged by",
                got=self.task.metric,
                remedy=suggest(self.task.metric, results),
            )
        verdict = self.progress.judge(results[self.task.metric], self.settings)
        if verdict == "better" and self.run:
            self.run.save_weights(self.evaluated, self.run.best)
        if verdict == "plateau":
            then = "training ends" if self.progress.finished else "the learning rate falls"
            self.tell("plateau", {"then": then})
            self.reporter.note(
                f"no progress since update {self.progress.best_step} "
                f"({self.task.metric} {self.progress.best:.4g}): {then}"
            )

    def resume(self) -> None:
        """Go back to the last checkpoint of the run, if there is one."""
        if self.run is None:
            return
        seen = self.runtime.gather(self.run.checkpoint.is_file())
        if len(set(seen)) > 1:
            raise DataError(
                "not all processes see the checkpoint of the run",
                file=self.run.checkpoint,
                remedy="Put the run in a folder that all machines share",
            )
        if seen[0]:
            self.progress = load_checkpoint(self.run.checkpoint, self.parts)
            self.reporter.note(
                f"resumed at step {self.progress.step} from {self.run.checkpoint.name}"
            )
        if self.progress.finished:
            return
        self.run.begin(self.progress.step)
        self.tell("start", {"steps": self.settings.steps, "processes": self.runtime.processes})

    def save(self) -> None:
        """Write a checkpoint and let curves be drawn."""
        if self.run is None or not self.runtime.is_main:
            return
        save_checkpoint(self.run.checkpoint, self.parts, self.progress)
        self.run.show()

    def close(self) -> Outcome:
        """Write the last weights and the results."""
        progress = self.progress
        outcome = Outcome(
            model=self.evaluated.eval(),
            steps=progress.step,
            skipped=progress.skipped,
            best=progress.best,
            best_step=progress.best_step,
            results=progress.results,
        )
        if self.run and self.runtime.is_main:
            self.run.save_weights(outcome.model, self.run.last)
            figures = {name: value for name, value in vars(outcome).items() if name != "model"}
            self.run.write(RESULTS, {**figures, "metric": self.task.metric})
            self.run.show()
        self.runtime.wait()
        return outcome

    def next_parts(self, batches: Iterator[Any]) -> list[Any]:
        """Return the batches of the next update."""
        parts = list(islice(batches, self.settings.accumulate))
        if len(parts) < self.settings.accumulate:
            raise DataError("there are no more batches to train on", got=self.progress.step)
        return parts

    def tell(self, event: str, values: Mapping[str, Any], *, step: int | None = None) -> None:
        """Put ``event`` into the log of the run, at the updates made if no ``step`` is said."""
        if self.run and self.runtime.is_main:
            self.run.tell(event, self.progress.step if step is None else step, values)


def _due(step: int, every: int) -> bool:
    return bool(every) and step % every == 0


def _means(losses: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.stack([one[name] for one in losses]).mean() for name in losses[0]}


def _moving_buffers(model: nn.Module) -> list[Tensor]:
    """Return what a forward pass may change, such as the statistics of batch norm."""
    return [
        buffer
        for module in model.modules()
        if module.training
        for buffer in module.buffers(recurse=False)
    ]
