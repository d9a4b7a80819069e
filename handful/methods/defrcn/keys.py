"""Our names of weights and the original's (detectron2's), both ways."""

from __future__ import annotations

import re
from typing import Literal

from handful.errors import WeightsError
from handful.methods.surgery import HeadNames

Neck = Literal["c4", "fpn"]

PREFIXES = (
    ("rpn_gate.", "affine_rpn."),
    ("roi_gate.", "affine_rcnn."),
    ("rpn.convolution.", "proposal_generator.rpn_head.conv."),
    ("rpn.objectness.", "proposal_generator.rpn_head.objectness_logits."),
    ("rpn.deltas.", "proposal_generator.rpn_head.anchor_deltas."),
    ("predictor.classifier.scale", "roi_heads.box_predictor.scale"),
    ("predictor.classifier.", "roi_heads.box_predictor.cls_score."),
    ("predictor.regressor.", "roi_heads.box_predictor.bbox_pred."),
    ("head.first.", "roi_heads.box_head.fc1."),
    ("head.second.", "roi_heads.box_head.fc2."),
    ("head.stage.", "roi_heads.res5."),
)
"""Ours and theirs, the longer of two that begin alike first."""

OFFICIAL_HEAD = HeadNames("roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.bbox_pred")
OUR_HEAD = HeadNames("predictor.classifier", "predictor.regressor")

TRUNK, STAGE = "backbone.", "head.stage."
PYRAMID_TRUNK = "backbone.bottom_up."
FINEST_LEVEL = 2
"""Their pyramid counts levels by the logarithm of the stride."""


def official_key(key: str, *, neck: Neck = "c4") -> str:
    """Return the original's name of an entry of our state dict or of a parameter.

    Raises ``WeightsError`` for names that the original has no counterpart of.
    """
    trunk = PYRAMID_TRUNK if neck == "fpn" else TRUNK
    if match := re.fullmatch(r"trunk\.(conv1|bn1)\.(\w+)", key):
        return f"{trunk}stem.conv1.{'norm.' * (match[1] == 'bn1')}{match[2]}"
    if match := re.fullmatch(r"trunk\.layer(\d)\.(.+)", key):
        return f"{trunk}res{int(match[1]) + 1}.{_official_block(match[2])}"
    if match := re.fullmatch(r"neck\.(lateral|output)\.(\d)\.(\w+)", key):
        return f"backbone.fpn_{match[1]}{int(match[2]) + FINEST_LEVEL}.{match[3]}"
    for ours, theirs in PREFIXES:
        if key.startswith(ours):
            rest = key.removeprefix(ours)
            return theirs + (_official_block(rest) if ours == STAGE else rest)
    raise WeightsError("no counterpart in the original of an entry", field=key)


def our_key(key: str) -> str:
    """Return our name of an entry of an original state dict, of either neck.

    Raises ``WeightsError`` for entries that we have no counterpart of.
    """
    inner = key.removeprefix(PYRAMID_TRUNK if key.startswith(PYRAMID_TRUNK) else TRUNK)
    if match := re.fullmatch(r"stem\.conv1\.(norm\.)?(\w+)", inner):
        return f"trunk.{'bn1' if match[1] else 'conv1'}.{match[2]}"
    if match := re.fullmatch(r"res(\d)\.(.+)", inner):
        return f"trunk.layer{int(match[1]) - 1}.{_our_block(match[2])}"
    if match := re.fullmatch(r"fpn_(lateral|output)(\d)\.(\w+)", inner):
        return f"neck.{match[1]}.{int(match[2]) - FINEST_LEVEL}.{match[3]}"
    for ours, theirs in PREFIXES:
        if key.startswith(theirs):
            rest = key.removeprefix(theirs)
            return ours + (_our_block(rest) if ours == STAGE else rest)
    raise WeightsError("the file holds an entry that DeFRCN does not have", field=key)


def _official_block(key: str) -> str:
    """Turn ``0.bn1.weight`` into ``0.conv1.norm.weight``, ``downsample`` into ``shortcut``."""
    block, part, rest = key.split(".", 2)
    if part == "downsample":
        number, leaf = rest.split(".")
        return f"{block}.shortcut.{'norm.' * (number == '1')}{leaf}"
    if part.startswith("bn"):
        return f"{block}.conv{part.removeprefix('bn')}.norm.{rest}"
    return key


def _our_block(key: str) -> str:
    block, part, rest = key.split(".", 2)
    normed = rest.startswith("norm.")
    leaf = rest.removeprefix("norm.")
    if part == "shortcut":
        return f"{block}.downsample.{int(normed)}.{leaf}"
    return f"{block}.{'bn' if normed else 'conv'}{part.removeprefix('conv')}.{leaf}"
