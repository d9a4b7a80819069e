"""From the names in a config to the parts of a detector."""

from __future__ import annotations

from torch import nn

from handful.errors import ConfigError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.nn.backbones import Trunk, build_last_stage, build_trunk
from handful.nn.box_head import (
    BoxPredictor,
    CosineClassifier,
    DenseHead,
    StageHead,
    linear_layer,
)
from handful.nn.fpn import FPN

C4_STRIDE = 16
FPN_STRIDES = (4, 8, 16, 32)
FPN_TOP_STRIDE = 64
COSINE_START = 20.0
"""Where a learnable scale of cosines starts."""


def build_trunk_and_neck(
    config: DeFRCNConfig, *, pretrained: bool
) -> tuple[Trunk, FPN | None, tuple[int, ...], int]:
    """Return trunk, neck or None, and the strides and the channels of the maps they end in."""
    strides = FPN_STRIDES if config.neck == "fpn" else (C4_STRIDE,)
    trunk = build_trunk(config.trunk, strides, pretrained=pretrained, norm=config.norm)
    if config.neck == "c4":
        return trunk, None, strides, trunk.channels[0]
    neck = FPN(trunk.channels, config.fpn_channels)
    return trunk, neck, (*strides, FPN_TOP_STRIDE), config.fpn_channels


def build_head(config: DeFRCNConfig, channels: int, *, pretrained: bool) -> StageHead | DenseHead:
    """Return what turns regions of ``channels`` maps into vectors."""
    if config.neck == "fpn":
        return DenseHead(channels * config.pooling**2, config.dense_channels)
    stage, outputs = build_last_stage(config.trunk, pretrained=pretrained, norm=config.norm)
    return StageHead(stage, outputs)


def build_predictor(config: DeFRCNConfig, inputs: int) -> BoxPredictor:
    """Return the classifier and the regressor on vectors ``[M, inputs]``."""
    if not config.class_count:
        raise ConfigError("a detector needs classes", field="class_names", got="none")
    outputs = config.class_count + 1
    if config.classifier == "cosine":
        learn = config.cosine_scale < 0
        classifier: nn.Module = CosineClassifier(
            inputs,
            outputs,
            scale=COSINE_START if learn else config.cosine_scale,
            learn_scale=learn,
        )
    else:
        classifier = linear_layer(inputs, outputs)
    return BoxPredictor(inputs, config.class_count, classifier, config.classifier_dropout)
