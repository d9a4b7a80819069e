"""How the three code bases of two-stage detection count, where they differ.

Weights were trained by one of these ways, and give their best numbers with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handful.nn.roi_pool import CANONICAL_LEVELS, LevelRule


@dataclass(frozen=True)
class Arithmetic:
    """What is counted how; the defaults are detectron2's.

    extra: pixels added to both sides of every box; 1.0 where a box covers its last pixel.
    nms_extra: the same in suppression alone, in pixels of the original picture where
    ``nms_on_originals``. limit_shrinking: whether decoded boxes have a least size, too.
    rounded_anchors: whether anchors are whole pixels around the middle of a cell. levels: which
    map a region is read from. inside_anchors: whether only anchors inside the picture learn.
    takeover: see ``match_boxes``. empty_suppress: whether proposals without area are dropped only
    after they suppressed others, which needs ``nms_extra``. joint_proposals: whether in training
    the best proposals of all pictures together are kept, level by level. objects_first: whether
    objects stand before the proposals, each for itself, not behind them. divisor: what the losses
    of anchors are divided by: "asked" for so many samples, or "drawn" them, "at_least_one" of
    each kind in a picture. rpn_beta, roi_beta: where smooth L1 turns linear.
    """

    extra: float = 0.0
    nms_extra: float = 0.0
    nms_on_originals: bool = False
    limit_shrinking: bool = False
    rounded_anchors: bool = False
    levels: LevelRule = CANONICAL_LEVELS
    inside_anchors: bool = False
    takeover: float | None = None
    empty_suppress: bool = False
    joint_proposals: bool = False
    objects_first: bool = False
    divisor: Literal["asked", "drawn", "at_least_one"] = "asked"
    rpn_beta: float = 0.0
    roi_beta: float = 0.0


DETECTRON2 = Arithmetic()

MMDETECTION = Arithmetic(
    nms_extra=1.0,
    nms_on_originals=True,
    limit_shrinking=True,
    levels=LevelRule(size=56.0, stride=4, rounding=1e-6),
    inside_anchors=True,
    takeover=0.3,
    empty_suppress=True,
    joint_proposals=True,
    objects_first=True,
    divisor="at_least_one",
    rpn_beta=1 / 9,
    roi_beta=1.0,
)
"""mmdetection 2 as mmfewshot sets it up."""

MASKRCNN_BENCHMARK = Arithmetic(
    extra=1.0,
    nms_extra=1.0,
    rounded_anchors=True,
    levels=LevelRule(rounding=1e-6, extra=1.0),
    inside_anchors=True,
    joint_proposals=True,
    divisor="drawn",
    rpn_beta=1 / 9,
    roi_beta=1.0,
)
