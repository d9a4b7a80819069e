"""What crops of objects say of them, and what they should say (arXiv 2007.09384, section 4.2).

An object shown at a scale is a positive of exactly one map in either stage; crops teach neither
boxes nor background. They are seen in training alone.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class CropOutputs(NamedTuple):
    """Answers for B objects at S scales.

    objectness: logits ``[B, A, c, c]`` of the anchors in the centre, one a scale. logits:
    ``[S * B, K + 1]``, scale after scale. labels: ``[B]``, what the objects are.
    """

    objectness: tuple[Tensor, ...]
    logits: Tensor
    labels: Tensor

    @property
    def anchor_count(self) -> int:
        """Number of anchors of all crops."""
        return sum(one.numel() for one in self.objectness)


def crop_objectness_loss(outputs: CropOutputs) -> Tensor:
    """Return the sum of cross entropies of all anchors of the crops: all are positive."""
    logits = torch.cat([one.flatten() for one in outputs.objectness]).float()
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits), reduction="sum")


def crop_class_loss(outputs: CropOutputs) -> Tensor:
    """Return the mean cross entropy of the classes of the crops, zero where there are none."""
    logits = outputs.logits.float()
    labels = outputs.labels.repeat(len(outputs.objectness))
    return F.cross_entropy(logits, labels, reduction="sum") / max(len(labels), 1)
