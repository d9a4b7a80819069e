"""DeFRCN's resizing, mirroring and box handling against the original's data mapper."""

from __future__ import annotations

import re
from pathlib import Path

import numpy
import pytest
import torch
from defrcn_reference import KINDS
from golden.fill import image as drawn_picture
from golden_cases import assert_near, file_params
from PIL import Image

from handful.data.transforms import (
    Chain,
    HorizontalFlip,
    InputRule,
    Sample,
    ShortSide,
    usable_targets,
)
from handful.methods.defrcn.config import DeFRCNConfig
from handful.structures import Targets

pytestmark = pytest.mark.golden
SHORT_SIDE_OF_CAP = 800


def rule_of(name: str) -> Chain:
    """Return the transform that the fixture calls ``test800``, ``flip480`` or ``cap900``."""
    found = re.fullmatch(r"(test|flip|cap)(\d+)", name)
    assert found, f"unknown transform {name}"
    word, number = found[1], int(found[2])
    if word == "cap":
        return Chain((ShortSide((SHORT_SIDE_OF_CAP,), number),))
    resize = ShortSide((number,), DeFRCNConfig().longest_side)
    return Chain((resize, HorizontalFlip(1.0)) if word == "flip" else (resize,))


@pytest.mark.parametrize("file", file_params("defrcn", "data_mapper", KINDS))
def test_data_mapper(file: Path) -> None:
    arrays = dict(numpy.load(file, allow_pickle=False))
    cases = [name.removeprefix("name") for name in arrays if re.fullmatch(r"name\d*", name)]
    rules = {found[1] for name in arrays if (found := re.match(r"(\w+)_image\d*$", name))}
    assert cases and rules
    for case in cases:
        height, width = (int(side) for side in arrays[f"hw{case}"])
        pixels = drawn_picture(str(arrays[f"name{case}"].item()), height, width)
        targets = Targets.of(
            torch.from_numpy(arrays[f"boxes{case}"]),
            torch.from_numpy(arrays[f"classes{case}"]),
            (height, width),
        )
        sample = Sample.of(Image.fromarray(pixels), targets)
        for rule in sorted(rules):
            ours = rule_of(rule)(sample, numpy.random.default_rng(0))
            what = f"{rule} of case {case}"
            found = usable_targets(ours.targets)
            bgr = InputRule(DeFRCNConfig().channel_order).normalised(ours.image)
            assert list(bgr.shape) == arrays[f"{rule}_size{case}"].tolist(), what
            theirs = torch.from_numpy(arrays[f"{rule}_image{case}"])
            assert_near(bgr[:, ::16, ::16], theirs, rtol=0, atol=1, what=what)
            boxes = torch.from_numpy(arrays[f"{rule}_boxes{case}"])
            assert_near(found.boxes, boxes, rtol=0, atol=1e-3, what=what)
            assert found.labels.tolist() == arrays[f"{rule}_classes{case}"].tolist(), what
