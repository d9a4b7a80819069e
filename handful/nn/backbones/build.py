"""The one place where a trunk's name becomes a network."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from handful.errors import ConfigError
from handful.nn.backbones.efficientnet_lite0 import efficientnet_lite0, efficientnet_lite0_top
from handful.nn.backbones.resnet import ResNetTrunk, last_stage
from handful.nn.backbones.swin import NAME as SWIN
from handful.nn.backbones.swin import SwinTrunk
from handful.nn.backbones.timm import TimmTrunk
from handful.nn.backbones.trunk import Trunk
from handful.nn.norm import NormName, norm_named


@dataclass(frozen=True)
class ResNetKind:
    """What a ResNet's name says: its depth, where its strides sit, and its usual norm."""

    depth: int
    caffe: bool = False
    norm: NormName = "batch"


RESNETS = {
    "resnet50": ResNetKind(50),
    "resnet101": ResNetKind(101),
    "resnet50_groupnorm": ResNetKind(50, norm="group"),
    "resnet101_groupnorm": ResNetKind(101, norm="group"),
    "resnet50_caffe": ResNetKind(50, caffe=True, norm="frozen"),
    "resnet101_caffe": ResNetKind(101, caffe=True, norm="frozen"),
}
PRETRAINED = "efficientnet_lite0"


def build_trunk(
    name: str,
    strides: tuple[int, ...],
    *,
    pretrained: bool = False,
    norm: NormName | None = None,
) -> Trunk:
    """Return the trunk ``name`` with maps of ``strides``: one of ours, else any of timm's.

    norm: of a ResNet, None for what its name says. Raises ``ConfigError`` for unknown names and
    strides, and where ``pretrained`` weights do not come with an installed package.
    """
    if name == PRETRAINED:
        return efficientnet_lite0(strides, pretrained=pretrained)
    _refuse_pretrained(name, pretrained)
    if name in RESNETS:
        kind = RESNETS[name]
        return ResNetTrunk(
            kind.depth, strides, norm=norm_named(norm or kind.norm), caffe=kind.caffe
        )
    if name == SWIN:
        return SwinTrunk(strides)
    return TimmTrunk(name, strides)


def build_last_stage(
    name: str, *, pretrained: bool = False, norm: NormName | None = None
) -> tuple[nn.Sequential, int]:
    """Return what follows the map of stride 16 in the trunk ``name``, and its output channels.

    Raises ``ConfigError`` for trunks that are not known in two pieces, and where
    ``pretrained`` weights do not come with an installed package.
    """
    if name == PRETRAINED:
        return efficientnet_lite0_top(pretrained=pretrained)
    _refuse_pretrained(name, pretrained)
    if name in RESNETS:
        kind = RESNETS[name]
        return last_stage(norm_named(norm or kind.norm), caffe=kind.caffe)
    raise ConfigError(
        "this trunk has no last stage that can serve as a head",
        field="trunk",
        got=name,
        expected=f"one of {', '.join(sorted([*RESNETS, PRETRAINED]))}",
        remedy="Or choose neck 'fpn', whose head is its own",
    )


def _refuse_pretrained(name: str, pretrained: bool) -> None:
    if pretrained:
        raise ConfigError(
            "no ImageNet weights are installed for this trunk",
            field="trunk",
            got=name,
            expected=PRETRAINED,
            remedy="Load a checkpoint instead",
        )
