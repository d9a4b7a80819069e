"""What the YOLOX reference files share: their kinds, raw outputs, groups of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from golden_cases import GoldenCase, whole_case
from torch import Tensor

from handful.methods.yolox.config import STRIDES
from handful.methods.yolox.head import DenseOutputs
from handful.nn.grid import grid_cells
from handful.structures import Targets

KINDS = (
    "augment_mmdet",
    "augment_megvii",
    "box_losses",
    "coco_eval",
    "decode_nms",
    "forward",
    "keys",
    "losses",
    "map_megvii_to_mmdet",
    "schedule_ema",
    "simota",
)


def raw_outputs(reg: Tensor, obj: Tensor, cls: Tensor, *, hw: Sequence[int]) -> DenseOutputs:
    """Return stored values ``[B, A, …]`` of pictures of size ``hw`` as a network gives them."""
    maps = [torch.empty(1, 1, hw[0] // stride, hw[1] // stride) for stride in STRIDES]
    return DenseOutputs(cls, reg, obj, *grid_cells(maps, STRIDES))


@dataclass(frozen=True)
class LossGroup:
    """One group of pictures: a file's case, the start of the group's names, what is known."""

    case: GoldenCase
    name: str
    targets: tuple[Targets, ...]

    def outputs(self) -> DenseOutputs:
        """Return the raw predictions of the group, ready to gather gradients."""
        reg, obj, cls = (
            self.case[f"{self.name}_{part}"].requires_grad_() for part in ("reg", "obj", "cls")
        )
        return raw_outputs(reg, obj, cls, hw=self.case.numbers("hw"))


def loss_groups(file: Path) -> list[LossGroup]:
    """Return every group of pictures in a file of losses."""
    case = whole_case(file)
    height, width = case.numbers("hw")
    names = [name.removesuffix("_kinds") for name in case.arrays if name.endswith("_kinds")]
    groups = []
    for name in names:
        targets = tuple(
            Targets.of(
                case[f"{name}_gt_bboxes_{picture}"],
                case[f"{name}_gt_labels_{picture}"],
                (height, width),
            )
            for picture in range(len(case.array(f"{name}_reg")))
        )
        groups.append(LossGroup(case, name, targets))
    return groups
