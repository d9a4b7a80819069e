from __future__ import annotations

from typing import get_args

import pytest
import torch

from handful.errors import WeightsError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.keys import Neck, official_key, our_key
from handful.methods.defrcn.model import DeFRCN

FIVE_LEVELS = ((32.0,), (64.0,), (128.0,), (256.0,), (512.0,))


@pytest.mark.parametrize("neck", get_args(Neck))
def test_names_go_there_and_back(neck: Neck) -> None:
    decoupled = neck == "c4"
    config = DeFRCNConfig(
        class_names=("one",),
        trunk="resnet50_caffe",
        neck=neck,
        classifier="linear" if decoupled else "cosine",
        cosine_scale=-1,
        decouple_rpn=decoupled,
        decouple_roi=decoupled,
        anchor_sizes=DeFRCNConfig().anchor_sizes if decoupled else FIVE_LEVELS,
    )
    with torch.device("meta"):
        ours = list(DeFRCN(config).state_dict())
    theirs = [official_key(key, neck=neck) for key in ours]
    assert len(set(theirs)) == len(ours)
    assert [our_key(key) for key in theirs] == ours


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("trunk.bn1.running_var", "backbone.stem.conv1.norm.running_var"),
        ("trunk.layer3.0.downsample.1.bias", "backbone.res4.0.shortcut.norm.bias"),
        ("head.stage.2.bn3.weight", "roi_heads.res5.2.conv3.norm.weight"),
        ("roi_gate.weight", "affine_rcnn.weight"),
    ],
)
def test_names(ours: str, theirs: str) -> None:
    assert official_key(ours) == theirs
    assert our_key(theirs) == ours


def test_unknown_entries_are_named() -> None:
    with pytest.raises(WeightsError, match="roi_heads.mask_head.weight"):
        our_key("roi_heads.mask_head.weight")
    with pytest.raises(WeightsError, match="trunk.blocks.0.weight"):
        official_key("trunk.blocks.0.weight")
