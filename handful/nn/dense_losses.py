"""Losses of dense predictions: varifocal for scores, dice for masks."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

VARIFOCAL_ALPHA, VARIFOCAL_GAMMA = 0.75, 2.0
DICE_EPSILON = 1e-3


def varifocal_loss(
    logits: Tensor,
    targets: Tensor,
    *,
    alpha: float = VARIFOCAL_ALPHA,
    gamma: float = VARIFOCAL_GAMMA,
) -> Tensor:
    """Return the sum of the varifocal loss of ``logits`` to ``targets`` 0..1 of the same shape.

    Cross entropy weighted by the target where it is positive, elsewhere by ``alpha`` times the
    predicted score to the power ``gamma`` (VarifocalNet, arXiv 2008.13367, equation 2).
    """
    logits, targets = logits.float(), targets.float()
    focal = alpha * (logits.sigmoid() - targets).abs().pow(gamma)
    weight = targets.where(targets > 0, focal)
    return (F.binary_cross_entropy_with_logits(logits, targets, reduction="none") * weight).sum()


def dice_loss(logits: Tensor, targets: Tensor, *, epsilon: float = DICE_EPSILON) -> Tensor:
    """Return the mean over pictures of ``dice_losses``."""
    return dice_losses(logits, targets, epsilon=epsilon).mean()


def dice_losses(logits: Tensor, targets: Tensor, *, epsilon: float = DICE_EPSILON) -> Tensor:
    """Return 1 - the soft dice of each of ``logits`` and masks ``[B, ...]``, as ``[B]``.

    Squares in the denominator, ``epsilon`` on both of its terms (V-Net, arXiv 1606.04797,
    section 3). Without foreground it costs 1.
    """
    found, wanted = logits.float().sigmoid().flatten(1), targets.float().flatten(1)
    shared = (found * wanted).sum(dim=1)
    sizes = (found.square().sum(dim=1) + epsilon) + (wanted.square().sum(dim=1) + epsilon)
    return 1 - 2 * shared / sizes
