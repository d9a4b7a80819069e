"""What the MS2A reference files share: their kinds, stand-in weights and pictures."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import torch
from golden.fill import fill
from golden_cases import GoldenCase, files_of, whole_case
from torch import Tensor

KINDS = (
    "adaptation",
    "copypaste",
    "elementary_losses",
    "fg_target",
    "forward",
    "head_loss",
    "keys",
    "kmeans",
    "param_groups",
    "schedule",
    "soft_nms",
)


def shapes_in(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of every entry that a keys file lists."""
    table = json.loads(file.read_text(encoding="utf-8"))
    return {name: tuple(shape) for name, shape in table.items()}


def shapes_for(class_count: int) -> dict[str, tuple[int, ...]]:
    """Return the entries of the keys file whose network has so many classes."""
    for file in files_of("ms2a", "keys", KINDS):
        shapes = shapes_in(file)
        if shapes["bbox_head.multi_level_conv_cls.0.weight"][0] == class_count:
            return shapes
    raise AssertionError(f"no keys file of {class_count} classes")


def stand_in(key: str, shape: tuple[int, ...], bn_gain: float) -> Tensor:
    """Return the stand-in for the official entry ``key``."""
    value = torch.from_numpy(fill(key, shape))
    if key.endswith("bn.weight"):
        return value * bn_gain
    if re.search(r"\.clus(_m)?_\d+\.", key):
        return value * math.sqrt(shape[1] * shape[2]) * (0.1 if ".clus_m_" in key else 1.0)
    return value


def numbered_cases(file: Path) -> list[GoldenCase]:
    """Return the cases ``0_…``, ``1_…`` of a file, each with what all share."""
    whole = whole_case(file)
    numbers = sorted({int(match[1]) for key in whole.arrays if (match := _NUMBER.match(key))})
    shared = {key: value for key, value in whole.arrays.items() if not _NUMBER.match(key)}
    return [
        GoldenCase(
            file,
            str(number),
            {
                **shared,
                **{
                    key.removeprefix(f"{number}_"): value
                    for key, value in whole.arrays.items()
                    if key.startswith(f"{number}_")
                },
            },
        )
        for number in numbers
    ]


_NUMBER = re.compile(r"(\d+)_")
