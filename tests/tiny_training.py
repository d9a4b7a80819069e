"""The smallest thing worth training; run as a program, it trains in a folder it is given."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from handful.recipes.settings import TrainSettings
from handful.recipes.tree import from_dict, to_dict
from handful.train.loop import Outcome, train
from handful.train.run import RunFolder
from handful.train.runtime import process_count, process_rank
from handful.train.task import Task

FEATURES, ROWS = 6, 8
SETTINGS = TrainSettings(steps=20, batch=ROWS, lr=0.05, clip=5.0, checkpoint_every=0)


@dataclass
class Rows:
    """A batch with what the loop may want to know of one."""

    inputs: Tensor
    pictures: tuple[int, ...]

    def to(self, device: torch.device) -> Rows:
        return Rows(self.inputs.to(device), self.pictures)


@dataclass
class TinyTask(Task):
    """Learn a sum from noisy rows, through dropout; each part has its own number of rows.

    poison: updates, counted from 0, whose batch holds a nan. scores: answers of ``evaluate``.
    pause: seconds that each batch takes.
    """

    parts: int = 1
    norm: bool = False
    poison: tuple[int, ...] = ()
    scores: tuple[float, ...] = ()
    pause: float = 0.0
    seed: int = 0
    evaluated: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        layers = [nn.Linear(FEATURES, 16), nn.Tanh(), nn.Dropout(0.2), nn.Linear(16, 1)]
        self.model = nn.Sequential(*([nn.BatchNorm1d(FEATURES)] if self.norm else []), *layers)
        self.metric = "score" if self.scores else None

    def batches(self, start: int) -> Iterator[Rows]:
        step, mine = start, range(self.parts)
        if process_count() > 1:
            mine = range(process_rank(), process_rank() + 1)
        while True:
            for part in mine:
                random = torch.Generator().manual_seed(1000 * step + part)
                inputs = torch.randn(ROWS // (1 + part), FEATURES, generator=random)
                if step in self.poison:
                    inputs[0] = float("nan")
                time.sleep(self.pause)
                yield Rows(inputs, tuple(range(10 * step, 10 * step + len(inputs))))
            step += 1

    def losses(self, model: nn.Module, batch: Rows) -> Mapping[str, Tensor]:
        target = batch.inputs.sum(dim=1, keepdim=True)
        total = (model(batch.inputs) - target).square().sum() / len(batch.inputs)
        return {"total": total, "half": total / 2}

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        if not self.scores:
            return {}
        self.evaluated.append(float(next(model.parameters()).sum()))
        return {"score": self.scores[min(len(self.evaluated), len(self.scores)) - 1]}


def save_weights(model: nn.Module, path: Path) -> None:
    save_file(model.state_dict(), path)


def run_in(
    folder: Path, settings: TrainSettings = SETTINGS, task: TinyTask | None = None
) -> Outcome:
    """Train in ``folder``, or go on there."""
    run = RunFolder.open(folder, to_dict(settings), write_weights=save_weights)
    task = task or TinyTask(parts=settings.accumulate)
    return train(task, settings, run=run, device="cpu")


if __name__ == "__main__":
    torch.set_num_threads(1)
    place, changes, task_fields = Path(sys.argv[1]), *map(json.loads, sys.argv[2:4])
    settings = from_dict(TrainSettings, {**to_dict(SETTINGS), **changes})
    run_in(place, settings, TinyTask(**task_fields))
