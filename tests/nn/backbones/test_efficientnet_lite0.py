from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch

import handful.nn.backbones.efficientnet_lite0 as lite0
from handful.errors import WeightsError
from handful.nn.backbones import build_trunk
from handful.nn.backbones.efficientnet_lite0 import TIMM_NAME, imagenet_state, timm_key


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("_conv_stem.weight", "conv_stem.weight"),
        ("_bn1.running_var", "bn2.running_var"),
        ("_fc.bias", "classifier.bias"),
        ("_blocks.0._bn1.weight", "blocks.0.0.bn1.weight"),
        ("_blocks.0._project_conv.weight", "blocks.0.0.conv_pw.weight"),
        ("_blocks.1._expand_conv.weight", "blocks.1.0.conv_pw.weight"),
        ("_blocks.6._bn2.bias", "blocks.3.1.bn3.bias"),
        ("_blocks.15._project_conv.weight", "blocks.6.0.conv_pwl.weight"),
    ],
)
def test_names(theirs: str, ours: str) -> None:
    assert timm_key(theirs) == ours


def test_the_package_fills_timms_network_completely() -> None:
    network = timm.create_model(TIMM_NAME)
    network.load_state_dict(imagenet_state(), strict=True)
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert {norm.eps for norm in norms} == {1e-3}


def test_trunk_without_unused_stages_gives_the_whole_networks_maps() -> None:
    image = torch.randn(1, 3, 70, 90)
    whole = timm.create_model(TIMM_NAME, features_only=True, out_indices=(2, 3)).eval()
    state = imagenet_state()
    whole.load_state_dict({k: state[k] for k in whole.state_dict()})
    trunk = build_trunk("efficientnet_lite0", (8, 16), pretrained=True).eval()
    with torch.no_grad():
        for ours, theirs in zip(trunk(image), whole(image), strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-4, atol=1e-4)
    assert len(list(trunk.parameters())) < len(list(whole.parameters()))


def test_an_altered_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    altered = tmp_path / "weights.pth"
    altered.write_bytes(b"something else")
    monkeypatch.setattr(lite0, "_package_file", lambda: altered)
    with pytest.raises(WeightsError, match="sha256"):
        imagenet_state()
