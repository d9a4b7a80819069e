"""What a kind of detector brings to ``learn``: how it would learn, and with what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from handful.memory import ClassMemory
from handful.methods.detector import TrainableDetector
from handful.predict.trained import Calibration
from handful.recipes.settings import TrainSettings
from handful.reporter import Reporter
from handful.train.detection import Measure
from handful.train.task import Task

METRIC = "AP50"


@dataclass(frozen=True)
class LearnOrder:
    """What a user asks of ``learn``, beside the boxes.

    model: name of the kind of detector. base: name or file to start from, None for the default.
    route: the way to learn, None for the usual one. keep: whether the base's
    classes stay. tested: whether there are pictures to choose the best step by.
    """

    model: str
    base: Path | str | None
    route: str | None
    keep: bool
    tested: bool
    seed: int
    where: torch.device
    reporter: Reporter


class LearnRecipe(Protocol):
    """A frozen dataclass tree that says all about a run."""

    @property
    def train(self) -> TrainSettings:
        """How it is trained; with no steps, not at all."""
        ...


@dataclass(frozen=True)
class Plan:
    """All that a run needs.

    network: what learns. task: builds what is trained from the measure of the run, None if
    nothing is. calibration: re-scores what is found, made from ``memory``, which is kept in the
    file ``memory_name`` of the run.
    """

    network: TrainableDetector
    task: Callable[[Measure | None], Task] | None
    calibration: Calibration | None = None
    memory: ClassMemory | None = None
    memory_name: str = ""


class Learning(Protocol):
    """One support set about to be learnt by one kind of detector."""

    def recipe(self) -> Any:
        """Return how it would be learnt."""
        ...

    def plan(self, recipe: Any) -> Plan:
        """Return what a run of ``recipe``, whose fields may have been changed, needs."""
        ...
