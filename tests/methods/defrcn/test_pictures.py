"""How pictures come to a detector, in training and in test."""

from __future__ import annotations

from dataclasses import replace

import numpy
import pytest
import torch
from PIL import Image

from handful.data.transforms import InputRule, Sample
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.lite import LITE_CONFIG
from handful.methods.defrcn.pictures import Augmentation, input_rule, train_transform
from handful.nn.backbones import build_trunk
from handful.structures import Targets


def picture(width: int, height: int) -> Sample:
    pixels = numpy.random.default_rng(0).integers(0, 255, (height, width, 3), numpy.uint8)
    boxes = torch.tensor([[8.0, 8, 60, 60]])
    targets = Targets.of(boxes, torch.zeros(1), (height, width))
    return Sample.of(Image.fromarray(pixels), targets)


@pytest.mark.parametrize(
    ("config", "divisor"),
    [
        (DeFRCNConfig(), None),
        (DeFRCNConfig(neck="fpn"), 32),
        (LITE_CONFIG, 32),
    ],
    ids=["c4", "fpn", "lite"],
)
def test_sides_are_whole_cells_where_the_trunk_needs_it(config, divisor) -> None:
    assert input_rule(config).divisor == divisor


def test_padding_does_not_move_the_grid_of_the_lite_trunk() -> None:
    trunk = build_trunk(LITE_CONFIG.trunk, (16,), pretrained=True).eval()
    small, large = picture(160, 160), picture(160, 161)

    def likeness(rule: InputRule) -> float:
        with torch.no_grad():
            (alone,) = trunk(rule.collate([small]).images)
            (beside,) = trunk(rule.collate([small, large]).images)
        inner = (slice(None), slice(2, 6), slice(2, 6))
        return float(torch.cosine_similarity(alone[0][inner], beside[0][inner], dim=0).mean())

    whole = input_rule(LITE_CONFIG)
    assert likeness(whole) > 0.95 > likeness(replace(whole, divisor=None)) + 0.1


def test_augmentation_keeps_an_object_whole_and_can_be_left_out() -> None:
    config = replace(LITE_CONFIG, train_short_sides=(64,))
    sample = picture(200, 100)
    published = train_transform(config)(sample, numpy.random.default_rng(0))
    assert published.size == (64, 128) and len(published.targets) == 1
    more = train_transform(config, Augmentation(crop=1.0, smallest=0.3, colour=0.2, flip=0.0))
    cut = more(sample, numpy.random.default_rng(0))
    assert len(cut.targets) == 1
    assert not torch.equal(cut.image[:, :4, :4], published.image[:, :4, :4])
