"""OS2D's training losses (sections 3.4 and 4 of arXiv 2003.06800)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.errors import ConfigError
from handful.methods.os2d.targets import NEGATIVE, POSITIVE

ACTIVE_CLASS = 1e-5
"""Classes whose worst negative loses less than this take no part in the ranked list loss."""
SMALLEST_WEIGHT = 1e-8


@dataclass(frozen=True)
class ObjectiveConfig:
    """The settings of the loss; the defaults are the paper's for V1 (V2: ``loc_weight`` 0).

    class_loss: "rll" (ranked list loss) or "contrastive" (the paper's margins for it: 1.0, 0.5).
    pos_margin: positives score higher at no cost. neg_margin: negatives score lower at no cost.
    neg_to_pos: hardest negatives a positive, contrastive only. rll_neg_weight_ratio: weight of
    a negative without loss beside the worst one. positive_iou, negative_iou: of anchors and
    objects. remap: recognition targets follow the predicted boxes, by the remap_* thresholds.
    """

    class_loss: Literal["rll", "contrastive"] = "rll"
    pos_margin: float = 0.6
    neg_margin: float = 0.5
    loc_weight: float = 0.2
    class_neg_weight: float = 1.0
    neg_to_pos: int = 3
    rll_neg_weight_ratio: float = 0.001
    positive_iou: float = 0.5
    negative_iou: float = 0.1
    remap: bool = True
    remap_positive_iou: float = 0.8
    remap_negative_iou: float = 0.4

    def __post_init__(self) -> None:
        if self.class_loss not in ("rll", "contrastive"):
            raise ConfigError(
                "unknown recognition loss",
                field="class_loss",
                got=self.class_loss,
                expected="'rll' or 'contrastive'",
            )


class Losses(NamedTuple):
    """The loss of a batch, its parts, and each anchor's share in them.

    total, loc, cls, cls_pos, cls_neg: scalars. cls_per_anchor, loc_per_anchor: ``[B, K, N]``,
    before division by the number of positives; ``cls_per_anchor`` has all negatives, also
    those that are not hard enough to count.
    """

    total: Tensor
    loc: Tensor
    cls: Tensor
    cls_pos: Tensor
    cls_neg: Tensor
    cls_per_anchor: Tensor
    loc_per_anchor: Tensor


def os2d_loss(
    scores: Tensor,
    loc: Tensor,
    cls_targets: Tensor,
    loc_targets: Tensor,
    config: ObjectiveConfig,
    *,
    remapped_targets: Tensor | None = None,
    negative_scores: Tensor | None = None,
    mining: bool = False,
) -> Losses:
    """Return the losses of matches with B pictures and K classes at N cells.

    scores: ``[B, K, N]``. loc, loc_targets: ``[B, K, 4, N]``. cls_targets: ``[B, K, N]`` of
    1, 0 and -1 (ignored), by anchors; ``remapped_targets`` the same by predicted boxes, used
    for recognition when given. negative_scores: what negatives learn from, if not ``scores``.
    mining: compare anchors, as the search for hard patches does: plain losses, every negative.
    """
    loc_per_anchor = localization_loss(loc, loc_targets, cls_targets)
    loc_loss = loc_per_anchor.sum() / (cls_targets == POSITIVE).sum().clamp(min=1)
    targets = cls_targets if remapped_targets is None else remapped_targets
    negative_scores = scores if negative_scores is None else negative_scores
    gaps = margin_gaps(scores, negative_scores, targets, config)
    if config.class_loss == "contrastive":
        cls_per_anchor = gaps.square()
    else:
        cls_per_anchor = gaps if mining else gaps * rll_weights(gaps, targets, config)
    counted = targets == NEGATIVE if mining else hard_negatives(cls_per_anchor, targets, config)
    positive = targets == POSITIVE
    positives = positive.sum().clamp(min=1)
    cls_pos = torch.where(positive, cls_per_anchor, 0.0).sum() / positives
    cls_neg = torch.where(counted, cls_per_anchor, 0.0).sum() / positives
    cls = cls_pos + config.class_neg_weight * cls_neg
    total = cls + config.loc_weight * loc_loss
    return Losses(total, loc_loss, cls, cls_pos, cls_neg, cls_per_anchor, loc_per_anchor)


def localization_loss(loc: Tensor, loc_targets: Tensor, cls_targets: Tensor) -> Tensor:
    """Return the smooth L1 loss ``[B, K, N]`` of positive anchors, 0 at others."""
    loss = F.smooth_l1_loss(loc, loc_targets, reduction="none").sum(dim=2)
    return torch.where(cls_targets == POSITIVE, loss, 0.0)


def margin_gaps(
    scores: Tensor, negative_scores: Tensor, targets: Tensor, config: ObjectiveConfig
) -> Tensor:
    """Return half of how far each score ``[B, K, N]`` is on the wrong side of its margin."""
    missing = 0.5 * torch.relu(config.pos_margin - scores)
    excess = 0.5 * torch.relu(negative_scores - config.neg_margin)
    gaps = torch.where(targets == POSITIVE, missing, 0.0)
    return torch.where(targets == NEGATIVE, excess, gaps)


def rll_weights(gaps: Tensor, targets: Tensor, config: ObjectiveConfig) -> Tensor:
    """Return the ranked list loss's weights ``[B, K, N]`` (arXiv 1903.03238), without gradient.

    Positives with a gap share the number of positives evenly. So do negatives within each
    class that has bad ones, but there the worst weigh most.
    """
    gaps = gaps.detach()
    positive, negative = targets == POSITIVE, targets == NEGATIVE
    positives = positive.sum().to(gaps.dtype)
    for_positives = positives / (positive & (gaps > 0)).sum().clamp(min=1)
    losing = torch.where(negative, gaps, 0.0)
    worst = losing.amax(dim=(0, 2), keepdim=True)
    active = worst > ACTIVE_CLASS
    temperature = -math.log(config.rll_neg_weight_ratio) / worst.clamp(min=ACTIVE_CLASS)
    weights = torch.exp((losing - worst) * temperature) * (active & (losing > 0))
    share = weights.sum(dim=(0, 2), keepdim=True) * active.sum() / positives.clamp(min=1)
    for_negatives = weights / torch.where(active, share, 1.0)
    for_negatives = torch.where(for_negatives > SMALLEST_WEIGHT, for_negatives, 0.0)
    return torch.where(positive, for_positives, for_negatives)


def hard_negatives(losses: Tensor, targets: Tensor, config: ObjectiveConfig) -> Tensor:
    """Return which negatives count, bool ``[B, K, N]``: none where there are no positives.

    All of them in the ranked list loss; in the contrastive one the ``neg_to_pos`` worst a positive.
    """
    negative = targets == NEGATIVE
    positives = (targets == POSITIVE).sum()
    if config.class_loss == "rll":
        return negative & (positives > 0)
    wanted = min(config.neg_to_pos * int(positives), int(negative.sum()))
    ranked = torch.where(negative, losses.detach(), -1.0).flatten()
    counted = torch.zeros_like(ranked, dtype=torch.bool)
    counted[ranked.topk(wanted).indices] = True
    return counted.reshape(targets.shape)
