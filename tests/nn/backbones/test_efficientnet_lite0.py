from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch

import handful.nn.backbones.efficientnet_lite0 as lite0
from handful.errors import ConfigError, WeightsError
from handful.nn.backbones import build_trunk
from handful.nn.backbones.efficientnet_lite0 import (
    efficientnet_lite0_classifier,
    imagenet_state,
    timm_key,
)

TIMM_NAME = "tf_efficientnet_lite0"


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


@pytest.fixture(scope="module")
def timms() -> torch.nn.Module:
    network = timm.create_model(TIMM_NAME)
    network.load_state_dict(imagenet_state(), strict=True)
    return network


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("size", [(64, 96), (71, 90), (33, 61)])
def test_maps_and_gradients_are_those_of_timm(size: tuple[int, int], training: bool) -> None:
    torch.manual_seed(0)
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    theirs = timm.create_model(TIMM_NAME, features_only=True).double().train(training)
    state = imagenet_state()
    theirs.load_state_dict({name: state[name] for name in theirs.state_dict()})
    ours = build_trunk("efficientnet_lite0", (2, 4, 8, 16, 32), pretrained=True).double()
    ours.train(training)
    expected, found = theirs(images), ours(images)
    upstream = [torch.randn_like(one) for one in expected]
    torch.autograd.backward(expected, upstream)
    torch.autograd.backward(found, upstream)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-6)
    wanted = dict(theirs.named_parameters())
    for name, parameter in ours.network.named_parameters():  # type: ignore[union-attr]
        torch.testing.assert_close(parameter.grad, wanted[name].grad, rtol=1e-6, atol=1e-6)


def test_features_are_those_of_timm(timms: torch.nn.Module) -> None:
    images = torch.randn(2, 3, 70, 90)
    network = efficientnet_lite0_classifier().eval()
    timms.eval()
    with torch.no_grad():
        expected = timms.forward_head(timms.forward_features(images), pre_logits=True)  # type: ignore[operator]
        found = network.features(network(images)[-1])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_a_trunk_ends_with_its_last_map_and_gives_them_in_the_order_asked() -> None:
    trunk = build_trunk("efficientnet_lite0", (16, 8))
    assert trunk.channels == (112, 40)
    assert [tuple(one.shape[1:]) for one in trunk(torch.zeros(1, 3, 40, 64))] == [
        (112, 3, 4),
        (40, 5, 8),
    ]
    assert len(trunk.parts()) == 6 and len(trunk.blocks()) == 12


def test_a_stride_that_it_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"got 64.*expected one of \[2, 4, 8, 16, 32\]"):
        build_trunk("efficientnet_lite0", (64,))


def test_an_altered_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    altered = tmp_path / "weights.pth"
    altered.write_bytes(b"something else")
    monkeypatch.setattr(lite0, "_package_file", lambda: altered)
    with pytest.raises(WeightsError, match="sha256"):
        imagenet_state()
