"""What a training step costs: ours beside torchvision's, taking turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from handful.bench.machine import machine
from handful.bench.oneshot import spread
from handful.bench.training_step import (
    BASELINE,
    TrainingStep,
    TrainingTask,
    training_memory,
)
from handful.reporter import Reporter, SilentReporter, track

REFERENCE_RATIO = 2.7
"""DeFRCN's base step over torchvision's step, in the original."""


class StepCost(NamedTuple):
    """What one step took.

    seconds: by the clock. processor_seconds: of all threads, which other programs hardly
    change. regions: how many the head learnt from.
    """

    seconds: float
    processor_seconds: float
    regions: int


def bench_train(
    task: TrainingTask = TrainingTask(),  # noqa: B008
    *,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Measure training steps of ``task.models`` and of torchvision's, as a JSON-able dict.

    All take turns on the same pictures, so that ratios hold on a busy machine too; memory is
    taken in a process of its own for each. Raises ``HandfulError`` if such a process fails.
    """
    reporter = reporter or SilentReporter()
    names = (BASELINE, *task.models)
    memory = {
        name: training_memory(name, task)._asdict()
        for name in track(names, reporter, "memory of training steps")
    }
    steps = {name: TrainingStep(name, task) for name in names}
    rounds = []
    for _ in track(range(task.steps + 1), reporter, "training steps"):
        rounds.append({name: cost_of(step) for name, step in steps.items()})
    return {
        "benchmark": "training",
        **asdict(task),
        "image_size": list(task.image_size),
        "models": [
            # The first round warms up: memory, clock rates, the optimizer's state.
            {"name": name, **summary(name, rounds[1:]), **memory[name]}
            for name in names
        ],
        "reference_ratio": REFERENCE_RATIO,
        "machine": {**machine(), "torchvision": torchvision_version()},
    }


def cost_of(step: TrainingStep) -> StepCost:
    """Take ``step`` and return what it took."""
    clock, processor = time.perf_counter(), time.process_time()
    step()
    return StepCost(time.perf_counter() - clock, time.process_time() - processor, step.regions)


def summary(name: str, rounds: Sequence[Mapping[str, StepCost]]) -> dict[str, Any]:
    """Return medians and extremes of the model ``name``; ratios are taken in each round."""

    def ratios(cost: Callable[[StepCost], float]) -> list[float]:
        return [cost(one[name]) / cost(one[BASELINE]) for one in rounds]

    costs = [one[name] for one in rounds]
    return {
        "seconds": spread([one.seconds for one in costs]),
        "ratio": spread(ratios(lambda cost: cost.seconds)),
        "processor_seconds": spread([one.processor_seconds for one in costs]),
        "processor_ratio": spread(ratios(lambda cost: cost.processor_seconds)),
        "regions": spread([one.regions for one in costs]),
    }


def torchvision_version() -> str:
    """Return the version of torchvision that is compared with."""
    import torchvision

    return torchvision.__version__
