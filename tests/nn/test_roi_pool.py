from __future__ import annotations

import pytest
import torch
from torchvision.ops import MultiScaleRoIAlign

from handful.nn.roi_pool import RoiPooling, roi_levels

STRIDES = (4, 8, 16, 32)


@pytest.mark.parametrize(
    ("side", "level"),
    [(10, 0), (111, 0), (112, 1), (224, 2), (447, 2), (448, 3), (2000, 3), (0, 0)],
)
def test_level_grows_with_the_side(side: float, level: int) -> None:
    box = torch.tensor([[5.0, 5, 5 + side, 5 + side]])
    assert roi_levels(box, strides=STRIDES).tolist() == [level]


def test_pyramid_equals_torchvision() -> None:
    torch.manual_seed(0)
    maps = [torch.randn(2, 3, 512 // stride, 512 // stride) for stride in STRIDES]
    near = torch.rand(2, 20, 2) * 200
    boxes = torch.cat([near, near + torch.rand(2, 20, 2) * 310 + 2], dim=2)
    pictures = torch.arange(2).repeat_interleave(20)
    ours = RoiPooling(7, STRIDES, sampling=2, aligned=False)(maps, boxes.flatten(0, 1), pictures)
    theirs = MultiScaleRoIAlign(["0", "1", "2", "3"], 7, 2)(
        {str(n): one for n, one in enumerate(maps)}, list(boxes), [(512, 512)] * 2
    )
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_no_boxes_give_no_regions() -> None:
    nothing = torch.zeros(0, dtype=torch.long)
    maps = [torch.randn(1, 3, 64 // stride, 64 // stride) for stride in STRIDES]
    assert RoiPooling(7, STRIDES)(maps, torch.zeros(0, 4), nothing).shape == (0, 3, 7, 7)
