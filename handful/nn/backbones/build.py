"""The one place where a trunk's name becomes a network."""

from __future__ import annotations

from collections.abc import Callable

from handful.errors import ConfigError
from handful.nn.backbones.efficientnet_lite0 import efficientnet_lite0
from handful.nn.backbones.resnet import ResNetTrunk, group_norm
from handful.nn.backbones.timm import TimmTrunk
from handful.nn.backbones.trunk import Trunk

RESNETS: dict[str, Callable[[tuple[int, ...]], Trunk]] = {
    "resnet50": lambda strides: ResNetTrunk(50, strides),
    "resnet101": lambda strides: ResNetTrunk(101, strides),
    "resnet50_groupnorm": lambda strides: ResNetTrunk(50, strides, norm=group_norm),
    "resnet101_groupnorm": lambda strides: ResNetTrunk(101, strides, norm=group_norm),
}
PRETRAINED = "efficientnet_lite0"


def build_trunk(name: str, strides: tuple[int, ...], *, pretrained: bool = False) -> Trunk:
    """Return the trunk ``name`` with maps of ``strides``: one of ours, else any of timm's.

    Raises ``ConfigError`` for unknown names and strides, and where ``pretrained`` weights
    do not come with an installed package.
    """
    if name == PRETRAINED:
        return efficientnet_lite0(strides, pretrained=pretrained)
    if pretrained:
        raise ConfigError(
            "no ImageNet weights are installed for this trunk",
            field="trunk",
            got=name,
            expected=PRETRAINED,
            remedy="Load a checkpoint instead",
        )
    if name in RESNETS:
        return RESNETS[name](strides)
    return TimmTrunk(name, strides)
