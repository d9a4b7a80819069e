"""Reading MSRA's ImageNet ResNets, from which Caffe-style detectors start."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from handful.errors import WeightsError
from handful.nn.backbones.build import build_trunk
from handful.nn.backbones.resnet import DEPTHS, STAGE_STRIDES
from handful.nn.entries import require_same_entries

STATISTICS = ("running_mean", "running_var")
MSRA_CONVOLUTIONS = "abc"
MSRA_UNUSED = ("fc1000_", "conv1_b")
MSRA_UNUSED_END = "_momentum"
MSRA_LEAVES = {"w": "weight", "s": "weight", "b": "bias"}
DEPTH_MARK = re.compile(r"res4_(\d+)_branch2a_w")


def convert_msra_state(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], str]:
    """Return an MSRA ``R-50.pkl`` or ``R-101.pkl`` by torchvision's names, and its trunk's name.

    Channels are BGR, the stride sits in the first 1x1; means and variances of the norms are not
    in the file, for they were folded into weights and biases. Raises ``WeightsError`` for
    entries that are missing, unknown or wrongly shaped.
    """
    blocks = {int(match[1]) for name in state if (match := DEPTH_MARK.fullmatch(name))}
    depths = {stages[-1]: depth for depth, stages in DEPTHS.items()}
    if len(blocks) not in depths:
        raise WeightsError(
            "no ResNet has this many blocks",
            field="res4",
            got=len(blocks),
            expected=" or ".join(map(str, depths)),
        )
    trunk = f"resnet{depths[len(blocks)]}_caffe"
    with torch.device("meta"):
        expected = {
            name: value
            for name, value in build_trunk(trunk, STAGE_STRIDES[-1:]).state_dict().items()
            if not name.endswith(STATISTICS)
        }
    named = {
        torchvision_name(name): value
        for name, value in state.items()
        if not name.startswith(MSRA_UNUSED) and not name.endswith(MSRA_UNUSED_END)
    }
    require_same_entries(named, expected, network=trunk)
    return {name: named[name] for name in expected}, trunk


def torchvision_name(name: str) -> str:
    """Return torchvision's name of an MSRA entry; raises ``WeightsError`` for unknown ones."""
    if name == "conv1_w":
        return "conv1.weight"
    if match := re.fullmatch(r"res_conv1_bn_([sb])", name):
        return f"bn1.{MSRA_LEAVES[match[1]]}"
    match = re.fullmatch(r"res([2-5])_(\d+)_branch(1|2[abc])_(bn_)?([swb])", name)
    if match is None or (match[5] == "w") == bool(match[4]):
        raise WeightsError("the file holds an unknown entry", field=name)
    stage, block, branch, norm, leaf = match.groups()
    if branch == "1":
        part = f"downsample.{1 if norm else 0}"
    else:
        part = f"{'bn' if norm else 'conv'}{MSRA_CONVOLUTIONS.index(branch[1]) + 1}"
    return f"layer{int(stage) - 1}.{block}.{part}.{MSRA_LEAVES[leaf]}"
