"""What a training step costs: ours beside another's, mostly torchvision's, taking turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from handful.bench.machine import machine
from handful.bench.oneshot import spread
from handful.bench.training_models import measured_model, with_references
from handful.bench.training_step import TrainingStep, TrainingTask, training_memory
from handful.reporter import Reporter, SilentReporter, track
from handful.train.allocation import reused_memory


class StepCost(NamedTuple):
    """What one step took.

    seconds: by the clock. processor_seconds: of all threads, which other programs hardly
    change. regions: how many the head learnt from, None for one that looks at all cells.
    """

    seconds: float
    processor_seconds: float
    regions: int | None


def bench_train(
    task: TrainingTask = TrainingTask(),  # noqa: B008
    *,
    reporter: Reporter | None = None,
) -> dict[str, Any]:
    """Measure steps of ``task.models`` and of their references, as a JSON-able dict.

    All take turns, so that ratios hold on a busy machine too; memory is
    taken in a process of its own for each. Raises ``HandfulError`` if such a process fails.
    """
    reporter = reporter or SilentReporter()
    names = with_references(task.models)
    memory = {
        name: training_memory(name, task)._asdict()
        for name in track(names, reporter, "memory of training steps")
    }
    steps = {name: TrainingStep(name, task) for name in names}
    rounds = []
    with reused_memory():  # as all training has it
        for _ in track(range(task.steps + 1), reporter, "training steps"):
            rounds.append({name: cost_of(step) for name, step in steps.items()})
    return {
        "benchmark": "training",
        **asdict(task),
        "models": [
            # The first round warms up: memory, clock rates, the optimizer's state.
            {**identity(name, task), **summary(name, rounds[1:]), **memory[name]}
            for name in names
        ],
        "machine": {**machine(), "torchvision": torchvision_version()},
    }


def identity(name: str, task: TrainingTask) -> dict[str, Any]:
    """Return what the network ``name`` is, learns from and is compared with."""
    model = measured_model(name)
    return {
        "name": name,
        "about": model.about,
        "image_size": list(task.size_of(name)),
        "reference": model.reference,
        "original_ratio": model.original_ratio,
    }


def cost_of(step: TrainingStep) -> StepCost:
    """Take ``step`` and return what it took."""
    clock, processor = time.perf_counter(), time.process_time()
    step()
    return StepCost(time.perf_counter() - clock, time.process_time() - processor, step.regions)


def summary(name: str, rounds: Sequence[Mapping[str, StepCost]]) -> dict[str, Any]:
    """Return medians and extremes of the model ``name``.

    Ratios are to the network it is compared with, in each round.
    """
    reference = measured_model(name).reference or name

    def ratios(cost: Callable[[StepCost], float]) -> list[float]:
        return [cost(one[name]) / cost(one[reference]) for one in rounds]

    costs = [one[name] for one in rounds]
    regions = [one.regions for one in costs if one.regions is not None]
    return {
        "seconds": spread([one.seconds for one in costs]),
        "ratio": spread(ratios(lambda cost: cost.seconds)),
        "processor_seconds": spread([one.processor_seconds for one in costs]),
        "processor_ratio": spread(ratios(lambda cost: cost.processor_seconds)),
        "regions": spread(regions) if regions else None,
    }


def torchvision_version() -> str:
    """Return the version of torchvision that is compared with."""
    import torchvision

    return torchvision.__version__
