"""What the O2F reference files share: their kinds, networks, raw outputs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import torch
from golden_cases import GoldenCase
from torch import Tensor

from handful.methods.o2f.config import STRIDES, O2FConfig
from handful.methods.o2f.head import O2FOutputs
from handful.methods.o2f.weights import crowdhuman_settings
from handful.nn.grid import grid_points
from handful.structures import Targets

KINDS = (
    "assign",
    "condinst_aligned_bilinear",
    "condinst_loss",
    "condinst_mask_head",
    "condinst_post",
    "crowdhuman_eval",
    "forward",
    "giou_centerness",
    "keys",
    "lr_schedule",
    "optim_groups",
    "postprocess",
    "preprocess",
    "schedule",
    "soft_focal_loss",
)
NETWORKS = re.compile(r"_(condinst_|crowdhuman_|)(r50|r101|swin_t)(?:_|$)")
TRUNKS = {"r50": "resnet50", "r101": "resnet101", "swin_t": "swin_t"}


def config_of(file: Path, class_count: int) -> O2FConfig:
    """Return the settings that a name such as ``forward_condinst_r50_b`` means."""
    found = NETWORKS.search(file.stem)
    assert found is not None, file.stem
    config = O2FConfig(numbered(class_count), TRUNKS[found[2]], masks=found[1] == "condinst_")
    if config.masks:
        return replace(config, box_weight=1.0)
    return crowdhuman_settings(config) if found[1] == "crowdhuman_" else config


def numbered(count: int) -> tuple[str, ...]:
    return tuple(str(number) for number in range(count))


def raw_outputs(case: GoldenCase, *, distances: str = "box_dist") -> O2FOutputs:
    """Return stored values of all points as a network gives them, ready to gather gradients.

    distances: the name of those to the sides of a box.
    """
    classes, quality, sides = (
        case[name].requires_grad_() for name in ("cls_logits", "ctr_logits", distances)
    )
    return O2FOutputs(classes, sides, quality, *case_points(case))


def case_points(case: GoldenCase) -> tuple[Tensor, Tensor]:
    """Return the points of a case and their strides; stored ones must be the same."""
    maps = [torch.empty(1, 1, height, width) for height, width in case.numbers("level_hw")]
    points, strides = grid_points(maps, STRIDES)
    assert "points" not in case or torch.equal(points, case["points"])
    return points, strides


def case_targets(case: GoldenCase) -> list[Targets]:
    """Return what is known of each picture of a case."""
    counts, size = case.numbers("gt_counts"), tuple(case.numbers("pad_hw"))
    boxes, labels = case["gt_boxes"].split(counts), case["gt_labels"].split(counts)
    return [
        Targets.of(box, label, (size[0], size[1])) for box, label in zip(boxes, labels, strict=True)
    ]
