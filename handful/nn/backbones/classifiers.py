"""Reading ImageNet classifiers that detectors start from, under torchvision's names."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor
from torchvision.models import resnet50, swin_t

from handful.nn.entries import require_same_entries

COUNTERS = "num_batches_tracked"
INDEX = "relative_position_index"
SWIN_MARK = "attn.relative_position_bias_table"

_AUTHORS_PARTS = {
    "patch_embed.proj": "features.0.0",
    "patch_embed.norm": "features.0.2",
    "norm": "norm",
    "head": "head",
}
_AUTHORS_LAYER = re.compile(r"layers\.(\d)\.(?:blocks\.(\d)|downsample)\.(.+)")
_AUTHORS_UNUSED = re.compile(r".*\.(attn_mask|relative_position_index)")


def convert_classifier(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """Return a ResNet-50 or a tiny Swin by torchvision's names, and what it is as a trunk.

    Swin may be named as by torchvision or by its authors. Raises ``WeightsError`` for entries
    that are missing, unknown or wrongly shaped.
    """
    swin = any(name.endswith(SWIN_MARK) for name in state)
    if swin:
        state = {
            swin_key(name): value
            for name, value in state.items()
            if not _AUTHORS_UNUSED.fullmatch(name)
        }
    with torch.device("meta"):
        expected = (swin_t if swin else resnet50)(weights=None).state_dict()
    expected = {name: value for name, value in expected.items() if not name.endswith(INDEX)}
    counters = {
        name: torch.zeros((), dtype=torch.long) for name in expected if name.endswith(COUNTERS)
    }
    complete = {**counters, **state}
    require_same_entries(complete, expected, network="classifier of torchvision, whole")
    return {name: complete[name] for name in expected}, "swin_t" if swin else "resnet50"


def swin_key(key: str) -> str:
    """Return torchvision's name of an entry that its authors or torchvision name ``key``."""
    part, _, leaf = key.rpartition(".")
    if part in _AUTHORS_PARTS:
        return f"{_AUTHORS_PARTS[part]}.{leaf}"
    match = _AUTHORS_LAYER.fullmatch(key)
    if match is None:
        return key
    stage, block, rest = match.groups()
    if block is None:
        return f"features.{2 * int(stage) + 2}.{rest}"
    rest = rest.replace("mlp.fc1", "mlp.0").replace("mlp.fc2", "mlp.3")
    return f"features.{2 * int(stage) + 1}.{block}.{rest}"
