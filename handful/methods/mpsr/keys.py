"""Our names of weights, mmfewshot's and the authors', from each to the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from handful.errors import WeightsError
from handful.methods.mpsr.config import STRIDES
from handful.methods.surgery import HeadNames

Naming = Literal["mmfewshot", "authors"]

OUR_HEAD = HeadNames("head.classifier", None)
"""All classes share one box: nothing else knows them."""

MMFEWSHOT: Mapping[str, str] = {
    "trunk.": "backbone.",
    **{f"neck.lateral.{n}.": f"neck.lateral_convs.{n}.conv." for n in range(len(STRIDES))},
    **{f"neck.output.{n}.": f"neck.fpn_convs.{n}.conv." for n in range(len(STRIDES))},
    "rpn.convolution.": "rpn_head.rpn_conv.",
    "rpn.anchor_maps.": "rpn_head.rpn_cls_conv.",
    "rpn.objectness.": "rpn_head.rpn_cls.",
    "rpn.deltas.": "rpn_head.rpn_reg.",
    "head.class_branch.first.": "roi_head.bbox_head.cls_fcs.0.",
    "head.class_branch.second.": "roi_head.bbox_head.cls_fcs.1.",
    "head.box_branch.first.": "roi_head.bbox_head.reg_fcs.0.",
    "head.box_branch.second.": "roi_head.bbox_head.reg_fcs.1.",
    "head.classifier.": "roi_head.bbox_head.fc_cls.",
    "head.regressor.": "roi_head.bbox_head.fc_reg.",
}

AUTHORS: Mapping[str, str] = {
    "trunk.layer": "backbone.body.layer",
    "trunk.": "backbone.body.stem.",
    **{f"neck.lateral.{n}.": f"backbone.fpn.fpn_inner{n + 1}." for n in range(len(STRIDES))},
    **{f"neck.output.{n}.": f"backbone.fpn.fpn_layer{n + 1}." for n in range(len(STRIDES))},
    "rpn.convolution.": "rpn.head.conv.",
    "rpn.anchor_maps.": "rpn.head.cls_conv.",
    "rpn.objectness.": "rpn.head.cls_logits.",
    "rpn.deltas.": "rpn.head.bbox_pred.",
    "head.class_branch.first.": "roi_heads.box.feature_extractor.fc6c.",
    "head.class_branch.second.": "roi_heads.box.feature_extractor.fc7c.",
    "head.box_branch.first.": "roi_heads.box.feature_extractor.fc6r.",
    "head.box_branch.second.": "roi_heads.box.feature_extractor.fc7r.",
    "head.classifier.": "roi_heads.box.predictor.cls_score.",
    "head.regressor.": "roi_heads.box.predictor.bbox_pred.",
}
"""Ours and theirs, by the starts of names; the longer of two that begin alike first."""

NAMINGS: Mapping[Naming, Mapping[str, str]] = {"mmfewshot": MMFEWSHOT, "authors": AUTHORS}


def official_key(key: str, naming: Naming = "mmfewshot") -> str:
    """Return the name that an entry of our state dict has in files of ``naming``.

    Raises ``WeightsError`` for names that have no counterpart there.
    """
    for ours, theirs in NAMINGS[naming].items():
        if key.startswith(ours):
            return theirs + key.removeprefix(ours)
    raise WeightsError("no counterpart in the original of an entry", field=key)


def our_key(key: str, naming: Naming) -> str:
    """Return our name of an entry of a file of ``naming``.

    Raises ``WeightsError`` for entries that MPSR does not have.
    """
    for ours, theirs in NAMINGS[naming].items():
        if key.startswith(theirs):
            return ours + key.removeprefix(theirs)
    raise WeightsError("the file holds an entry that MPSR does not have", field=key)
