"""Our Swin against torchvision's, which shifts no window that is as large as its map."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchvision.models import swin_t

from handful.errors import ConfigError
from handful.nn.backbones import build_trunk, freeze_blocks, freeze_parts
from handful.nn.backbones.swin import SwinTrunk, WindowAttention


def same_attention(shift: int) -> tuple[WindowAttention, torch.nn.Module]:
    torch.manual_seed(0)
    network: Any = swin_t(weights=None)
    theirs = network.features[1][0].attn
    theirs.shift_size = [shift, shift]
    ours = WindowAttention(96, [7, 7], [shift, shift], 3)
    state = theirs.state_dict()
    del state["relative_position_index"]
    ours.load_state_dict(state, strict=True)
    return ours.eval(), theirs.eval()


@pytest.mark.parametrize("shift", [0, 3])
@pytest.mark.parametrize("size", [(14, 21), (15, 9)], ids=["whole windows", "padded"])
def test_attention_equals_torchvision_on_maps_larger_than_a_window(shift, size):
    ours, theirs = same_attention(shift)
    x = torch.randn(2, *size, 96)
    with torch.no_grad():
        assert torch.allclose(ours(x), theirs(x), atol=1e-5)


def test_windows_are_shifted_on_small_maps_too():
    ours, theirs = same_attention(3)
    x = torch.randn(1, 7, 7, 96)
    with torch.no_grad():
        assert not torch.allclose(ours(x), theirs(x), atol=1e-2)


def test_parts_and_blocks_freeze_with_the_norms_of_their_maps():
    trunk = build_trunk("swin_t", (8, 16, 32))
    assert isinstance(trunk, SwinTrunk) and trunk.channels == (192, 384, 768)
    freeze_parts(trunk, 2)
    still = {name for name, one in trunk.named_parameters() if not one.requires_grad}
    assert {name.split(".")[1] for name in still if name.startswith("features.")} == {"0", "1", "2"}
    assert {name for name in still if name.startswith("norms.")} == {
        "norms.0.weight",
        "norms.0.bias",
    }
    assert len(trunk.blocks()) == 13
    freeze_blocks(trunk, 3)
    assert still == {name for name, one in trunk.named_parameters() if not one.requires_grad}


def test_no_constant_is_kept_as_a_weight():
    assert not [name for name in SwinTrunk().state_dict() if "index" in name]


def test_a_stride_that_it_does_not_have_is_refused():
    with pytest.raises(ConfigError, match="Swin has no map of this stride.*got 64"):
        SwinTrunk((8, 64))
