"""One training step of a detector, and the memory it takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from handful.bench.machine import peak_memory
from handful.bench.process import run_alone
from handful.bench.training_models import CLASSES, TRAINING_MODELS, measured_model
from handful.errors import ConfigError, suggest
from handful.structures import Targets
from handful.train.allocation import reused_memory

GRID = 32
"""What sides of pictures are multiples of, so that no network pads."""

DAMPING = 0.1
"""What the last norm of each residual block multiplies by.

Without it the sums of untrained blocks grow so large that predicted boxes collapse.
"""

LR, MOMENTUM, WEIGHT_DECAY = 1e-5, 0.9, 1e-4
STEPS_FOR_MEMORY = 2
"""The first makes the optimizer's state, which the second holds beside its gradients."""


@dataclass(frozen=True)
class TrainingTask:
    """What is measured: steps of ``models`` and of their references on so many random pictures.

    models: of ``TRAINING_MODELS``. image_size: (height, width), multiples of ``GRID``; None for
    each network's own. boxes: on each picture. seed: of pictures, boxes and weights.
    """

    models: tuple[str, ...] = tuple(TRAINING_MODELS)
    image_size: tuple[int, int] | None = None
    pictures: int = 2
    boxes: int = 5
    steps: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.models:
            if name not in TRAINING_MODELS:
                raise ConfigError(
                    "no such model to measure",
                    field="models",
                    got=f"'{name}'",
                    remedy=suggest(name, TRAINING_MODELS),
                )
        for name in ("pictures", "boxes", "steps"):
            if getattr(self, name) < 1:
                raise ConfigError(
                    "nothing to measure", field=name, got=getattr(self, name), expected="1 or more"
                )
        if any(side < GRID or side % GRID for side in self.image_size or ()):
            raise ConfigError(
                "no network may have to pad",
                field="image_size",
                got=list(self.image_size or ()),
                expected=f"multiples of {GRID}",
            )

    def size_of(self, name: str) -> tuple[int, int]:
        """Return height and width of the pictures that the network ``name`` learns from."""
        return self.image_size or measured_model(name).image_size


class TrainingMemory(NamedTuple):
    """Bytes in memory before the network was made, and at most; None if the system hides it."""

    loaded_bytes: int | None
    peak_bytes: int | None


class TrainingStep:
    """Forward, backward and update of the network ``name``, whenever it is called.

    regions: how many the head learnt from in the last step; None if it looks at all cells.
    """

    def __init__(self, name: str, task: TrainingTask) -> None:
        pictures, targets = random_pictures(task, task.size_of(name))
        torch.manual_seed(task.seed)
        self.model, self.loss, head = measured_model(name).build(pictures, targets)
        damp(self.model)
        self.regions: int | None = None
        if head is not None:
            head.register_forward_pre_hook(self._count)
        self.optimizer = torch.optim.SGD(
            [one for one in self.model.parameters() if one.requires_grad],
            lr=LR,
            momentum=MOMENTUM,
            weight_decay=WEIGHT_DECAY,
        )

    def __call__(self) -> None:
        """Take the step."""
        self.optimizer.zero_grad()
        self.loss().backward()
        self.optimizer.step()

    def _count(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.regions = len(inputs[0])


def random_pictures(
    task: TrainingTask, image_size: tuple[int, int]
) -> tuple[Tensor, list[Targets]]:
    """Return noise ``[B, 3, H, W]`` and labelled boxes, all inside, of a tenth to half a side."""
    generator = torch.Generator().manual_seed(task.seed)
    pictures = torch.randn(task.pictures, 3, *image_size, generator=generator)
    height, width = image_size
    corners = torch.rand(task.pictures, task.boxes, 2, generator=generator) * 0.5
    sides = 0.1 + 0.4 * torch.rand(corners.shape, generator=generator)
    boxes = torch.cat([corners, corners + sides], 2) * torch.tensor([width, height]).repeat(2)
    labels = torch.randint(len(CLASSES), corners.shape[:2], generator=generator)
    return pictures, [
        Targets.of(box, label, image_size) for box, label in zip(boxes, labels, strict=True)
    ]


def damp(model: nn.Module) -> None:
    """Multiply what each residual block adds to its input by ``DAMPING``."""
    for module in model.modules():
        last_norm = getattr(module, "bn3", None)
        if last_norm is not None:
            with torch.no_grad():
                last_norm.weight.fill_(DAMPING)


def training_memory(name: str, task: TrainingTask) -> TrainingMemory:
    """Take steps of the network ``name`` in a fresh process and return its memory."""
    order = {"name": name, "task": asdict(task), "threads": torch.get_num_threads()}
    memory = run_alone(
        __name__,
        order,
        what=f"the steps of {name}",
        remedy="measure fewer or smaller pictures",
    )
    return TrainingMemory(**memory)


def task_from(fields: Mapping[str, Any]) -> TrainingTask:
    """Return the task that ``fields``, which came through JSON, describe."""
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return TrainingTask(**{**fields, **lists})


def main() -> None:
    """Read a name and a task from standard input, and write the memory to standard output."""
    order = json.load(sys.stdin)
    torch.set_num_threads(order["threads"])
    loaded = peak_memory()
    step = TrainingStep(order["name"], task_from(order["task"]))
    with reused_memory():
        for _ in range(STEPS_FOR_MEMORY):
            step()
    sys.stdout.write(json.dumps(TrainingMemory(loaded, peak_memory())._asdict()))


if __name__ == "__main__":
    main()
