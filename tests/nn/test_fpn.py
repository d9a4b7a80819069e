from __future__ import annotations

import torch
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool

from handful.nn.fpn import FPN


def test_maps_equal_torchvision_with_the_same_weights() -> None:
    torch.manual_seed(0)
    theirs = FeaturePyramidNetwork([4, 8, 16], 6, extra_blocks=LastLevelMaxPool())
    ours = FPN([4, 8, 16], 6)
    state = {
        key.replace("inner_blocks", "lateral")
        .replace("layer_blocks", "output")
        .replace(".0.w", ".w")
        .replace(".0.b", ".b"): value
        for key, value in theirs.state_dict().items()
    }
    ours.load_state_dict(state, strict=True)
    maps = [torch.randn(2, 4, 15, 20), torch.randn(2, 8, 8, 10), torch.randn(2, 16, 4, 5)]
    expected = theirs({str(n): one for n, one in enumerate(maps)}).values()
    for one, other in zip(ours(maps), expected, strict=True):
        assert torch.allclose(one, other, atol=1e-5)
