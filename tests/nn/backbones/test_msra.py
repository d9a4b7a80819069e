import pytest
import torch

from handful.errors import WeightsError
from handful.nn.backbones.msra import convert_msra_state, torchvision_name


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("conv1_w", "conv1.weight"),
        ("res_conv1_bn_s", "bn1.weight"),
        ("res2_0_branch1_w", "layer1.0.downsample.0.weight"),
        ("res2_0_branch1_bn_b", "layer1.0.downsample.1.bias"),
        ("res5_2_branch2c_bn_s", "layer4.2.bn3.weight"),
        ("res4_22_branch2a_w", "layer3.22.conv1.weight"),
    ],
)
def test_msra_names(theirs, ours):
    assert torchvision_name(theirs) == ours


@pytest.mark.parametrize("name", ["res2_0_branch2a_b", "res6_0_branch1_w", "pred_w", "res2_0_bn_w"])
def test_unknown_msra_names_are_refused(name):
    with pytest.raises(WeightsError, match=f"unknown entry.*{name}"):
        torchvision_name(name)


def test_an_msra_file_without_its_last_blocks_is_refused():
    with pytest.raises(WeightsError, match="no ResNet has this many blocks.*got 1"):
        convert_msra_state({"res4_0_branch2a_w": torch.zeros(1)})
