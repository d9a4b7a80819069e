from typing import get_args

import pytest
import torch

from handful.errors import WeightsError
from handful.methods.yolox.config import Flavour, Size, YOLOXConfig
from handful.methods.yolox.keys import official_key, our_key
from handful.methods.yolox.model import YOLOX


@pytest.mark.parametrize("flavour", get_args(Flavour))
@pytest.mark.parametrize("size", get_args(Size))
def test_names_go_there_and_back(size, flavour):
    with torch.device("meta"):
        ours = list(YOLOX(YOLOXConfig(("one",), size)).state_dict())
    theirs = [official_key(key, flavour) for key in ours]
    assert len(set(theirs)) == len(ours)
    assert [our_key(key, flavour) for key in theirs] == ours


@pytest.mark.parametrize(
    ("ours", "megvii", "mmdet"),
    [
        (
            "backbone.stages.1.1.blocks.2.second.norm.bias",
            "backbone.backbone.dark3.1.m.2.conv2.bn.bias",
            "backbone.stage2.1.blocks.2.conv2.bn.bias",
        ),
        (
            "backbone.stages.3.1.first.convolution.weight",
            "backbone.backbone.dark5.1.conv1.conv.weight",
            "backbone.stage4.1.conv1.conv.weight",
        ),
        (
            "neck.top_down.1.short.convolution.weight",
            "backbone.C3_p3.conv2.conv.weight",
            "neck.top_down_blocks.1.short_conv.conv.weight",
        ),
        (
            "head.box_towers.2.1.depthwise.norm.weight",
            "head.reg_convs.2.1.dconv.bn.weight",
            "bbox_head.multi_level_reg_convs.2.1.depthwise_conv.bn.weight",
        ),
    ],
)
def test_names(ours, megvii, mmdet):
    assert (official_key(ours, "megvii"), official_key(ours, "mmdet")) == (megvii, mmdet)
    assert our_key(megvii, "megvii") == our_key(mmdet, "mmdet") == ours


def test_unknown_entries_are_named():
    with pytest.raises(WeightsError, match=r"bbox_head\.mask\.weight"):
        our_key("bbox_head.mask.weight", "mmdet")
    with pytest.raises(WeightsError, match=r"trunk\.stem\.weight"):
        official_key("trunk.stem.weight", "megvii")
