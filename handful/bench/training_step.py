"""One training step, of our two-stage detectors and of torchvision's, on the same pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from handful.bench.machine import peak_memory
from handful.bench.process import run_alone
from handful.errors import ConfigError, suggest
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.model import DeFRCN
from handful.structures import Targets

CLASSES = tuple(f"class {number}" for number in range(15))
"""As many as a base stage on VOC has."""

BASELINE = "torchvision"
"""Its ``fasterrcnn_resnet50_fpn`` with frozen batch norm, as it trains from ImageNet weights."""

TRAINING_MODELS = {
    "r50-fpn": DeFRCNConfig(
        class_names=CLASSES,
        trunk="resnet50",
        neck="fpn",
        decouple_rpn=False,
        decouple_roi=False,
        freeze_at=0,
        anchor_sizes=((32.0,), (64.0,), (128.0,), (256.0,), (512.0,)),
        proposals_before_nms=(2000, 1000),
        proposals_after_nms=(2000, 1000),
        roi_sampling=2,
        roi_aligned=False,
    ),
    "r101-c4": DeFRCNConfig(class_names=CLASSES),
}
"""Torchvision's detector in our parts, all its layers trained; DeFRCN's base stage."""

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
    """What is measured: steps of ``models`` and of torchvision's on so many random pictures.

    models: of ``TRAINING_MODELS``. image_size: (height, width), multiples of ``GRID``.
    boxes: on each picture. seed: of pictures, boxes and weights.
    """

    models: tuple[str, ...] = tuple(TRAINING_MODELS)
    image_size: tuple[int, int] = (480, 640)
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
        if any(side < GRID or side % GRID for side in self.image_size):
            raise ConfigError(
                "no network may have to pad",
                field="image_size",
                got=list(self.image_size),
                expected=f"multiples of {GRID}",
            )


class TrainingMemory(NamedTuple):
    """Bytes in memory before the network was made, and at most; None if the system hides it."""

    loaded_bytes: int | None
    peak_bytes: int | None


class TrainingStep:
    """Forward, backward and update of the network ``name``, whenever it is called.

    regions: how many the head learnt from in the last step.
    """

    def __init__(self, name: str, task: TrainingTask) -> None:
        pictures, targets = random_pictures(task)
        torch.manual_seed(task.seed)
        if name == BASELINE:
            self.model, head, self.loss = torchvision_loss(pictures, targets)
        else:
            self.model, head, self.loss = our_loss(name, pictures, targets)
        damp(self.model)
        self.regions = 0
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


def random_pictures(task: TrainingTask) -> tuple[Tensor, list[Targets]]:
    """Return noise ``[B, 3, H, W]`` and labelled boxes, all inside, of a tenth to half a side."""
    generator = torch.Generator().manual_seed(task.seed)
    pictures = torch.randn(task.pictures, 3, *task.image_size, generator=generator)
    height, width = task.image_size
    corners = torch.rand(task.pictures, task.boxes, 2, generator=generator) * 0.5
    sides = 0.1 + 0.4 * torch.rand(corners.shape, generator=generator)
    boxes = torch.cat([corners, corners + sides], 2) * torch.tensor([width, height]).repeat(2)
    labels = torch.randint(len(CLASSES), corners.shape[:2], generator=generator)
    return pictures, [
        Targets.of(box, label, task.image_size) for box, label in zip(boxes, labels, strict=True)
    ]


def our_loss(
    name: str, pictures: Tensor, targets: list[Targets]
) -> tuple[nn.Module, nn.Module, Callable[[], Tensor]]:
    """Return our network, its ROI head, and what computes its loss."""
    model = DeFRCN(TRAINING_MODELS[name]).train()
    sizes = torch.tensor([one.image_size for one in targets])
    return model, model.head, lambda: model.loss(model(pictures, sizes), targets)["total"]


def torchvision_loss(
    pictures: Tensor, targets: list[Targets]
) -> tuple[nn.Module, nn.Module, Callable[[], Tensor]]:
    """Return torchvision's network, all layers trained, its ROI head, and its loss.

    Resizing and normalising, which belong to its network, are left out as they are in ours.
    """
    from torchvision.models.detection import FasterRCNN
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
    from torchvision.models.detection.image_list import ImageList

    backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None, trainable_layers=5)
    model = FasterRCNN(backbone, num_classes=len(CLASSES) + 1).train()
    images = ImageList(pictures, [one.image_size for one in targets])
    # Its class 0 is the background.
    known = [{"boxes": one.boxes, "labels": one.labels + 1} for one in targets]

    def loss() -> Tensor:
        maps = model.backbone(images.tensors)
        proposals, first = model.rpn(images, maps, known)
        _, second = model.roi_heads(maps, proposals, images.image_sizes, known)
        return torch.stack([*first.values(), *second.values()]).sum()

    return model, model.get_submodule("roi_heads.box_head"), loss


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
    for _ in range(STEPS_FOR_MEMORY):
        step()
    sys.stdout.write(json.dumps(TrainingMemory(loaded, peak_memory())._asdict()))


if __name__ == "__main__":
    main()
