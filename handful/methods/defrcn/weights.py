"""Reading the official checkpoints of DeFRCN and TFA, and starting from ImageNet's weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from handful.errors import WeightsError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.keys import OFFICIAL_HEAD, OUR_HEAD, PYRAMID_TRUNK, our_key
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.recipes import SHORT_SIDES
from handful.methods.defrcn.tfa_recipes import TFA_MODEL
from handful.methods.official import class_names_of
from handful.methods.surgery import head_classes
from handful.nn.backbones.resnet import DEPTHS
from handful.nn.entries import require_same_entries

CONSTANTS = re.compile(r".*anchor_generator\.cell_anchors\.\d+|pixel_(mean|std)")
"""Entries that are no weights: they follow from the settings."""

LEARNED_SCALE = -1.0


def convert_defrcn_state(
    state: Mapping[str, Tensor], variant: str | None = None
) -> tuple[dict[str, Tensor], DeFRCNConfig]:
    """Return the state dict of ``DeFRCN(config)``, and ``config``, for an official state dict.

    variant: "voc1", "voc2", "voc3" or "coco" names the classes, which the file does not;
    without it they are numbers. A file whose head was removed gives no entries and no classes
    of it. Raises ``WeightsError`` naming the entry that is missing, left over or of a wrong
    shape, and for a number of classes that ``variant`` does not have.
    """
    count = head_classes(state, OFFICIAL_HEAD)
    config = _architecture(state)
    converted = {
        our_key(name): value for name, value in state.items() if not CONSTANTS.fullmatch(name)
    }
    if variant is not None and variant.startswith("coco"):
        config = replace(config, train_short_sides=SHORT_SIDES["coco"])
    names = () if count is None else class_names_of(count, variant, field=OFFICIAL_HEAD.classes)
    with torch.device("meta"):
        # A network needs classes; those of a head that is not there are not compared.
        expected = DeFRCN(replace(config, class_names=names or ("none",))).state_dict()
    if count is None:
        expected = {k: value for k, value in expected.items() if k not in OUR_HEAD.entries()}
    require_same_entries(converted, expected, network=f"detector with trunk {config.trunk}")
    return {name: converted[name] for name in expected}, replace(config, class_names=names)


def backbone_entries(state: Mapping[str, Tensor], config: DeFRCNConfig) -> dict[str, Tensor]:
    """Return what ``DeFRCN(config)`` takes from an ImageNet ResNet with torchvision's names.

    Raises ``WeightsError`` if the network has other entries or shapes than ``config.trunk``.
    """
    with torch.device("meta"):
        network = DeFRCN(replace(config, class_names=config.class_names or ("none",)))
    return network.imagenet_entries(state)


def _architecture(state: Mapping[str, Tensor]) -> DeFRCNConfig:
    """Return the settings that the entries tell: depth, pyramid or not, kind of classifier."""
    pyramid = any(name.startswith(PYRAMID_TRUNK) for name in state)
    config = TFA_MODEL if pyramid else DeFRCNConfig()
    pattern = re.compile(r"backbone\.(?:bottom_up\.)?res4\.(\d+)\.")
    blocks = {int(match[1]) for name in state if (match := pattern.match(name))}
    depths = {stages[-1]: depth for depth, stages in DEPTHS.items()}
    if len(blocks) not in depths:
        raise WeightsError(
            "no known trunk has this many blocks",
            field="backbone.res4",
            got=len(blocks),
            expected=" or ".join(map(str, depths)),
            remedy="Is this a checkpoint of DeFRCN or TFA?",
        )
    cosine = (
        f"{OFFICIAL_HEAD.classes}.weight" in state and f"{OFFICIAL_HEAD.classes}.bias" not in state
    )
    learned = "roi_heads.box_predictor.scale" in state
    return replace(
        config,
        trunk=f"resnet{depths[len(blocks)]}_caffe",
        classifier="cosine" if cosine or learned else "linear",
        cosine_scale=LEARNED_SCALE if learned else config.cosine_scale,
    )
