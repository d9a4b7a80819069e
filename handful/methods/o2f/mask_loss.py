"""What masks are learnt from: dice of every positive point, and a class for every cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from torchvision.ops import sigmoid_focal_loss

from handful.errors import DataError
from handful.methods.o2f.dynamic_masks import FEATURE_STRIDE, Instances, mask_logits
from handful.methods.o2f.mask_branch import MaskOutputs
from handful.nn.dense_losses import dice_losses
from handful.nn.masks import MASK_STRIDE
from handful.structures import Targets

MASK_WEIGHT = 2.0
DICE_EPSILON = 0.5e-5
"""On both terms of the denominator."""

FOCAL_ALPHA, FOCAL_GAMMA = 0.25, 2.0
LEAST_MASS = 1e-6
"""Pixels of a mask that its centre is divided by."""

INSTANCES_AT_ONCE = 64
"""Masks whose values are kept for the way back: about 3 MB each for a picture of 800 x 1344.
Where there are more, each part is computed again on the way back, so that memory stays bounded."""


class MaskPositives(NamedTuple):
    """Points that learn the mask of an object, one row each.

    pictures, points: ``[M]``, where they are in the outputs. objects: ``[M]``, rows of the
    targets of the picture.
    """

    pictures: Tensor
    points: Tensor
    objects: Tensor


def mask_losses(
    outputs: MaskOutputs,
    targets: Sequence[Targets],
    *,
    positives: MaskPositives,
    points: Tensor,
    strides: Tensor,
) -> dict[str, Tensor]:
    """Return ``mask`` and ``semantic``, weighted as CondInst weighs them.

    points: ``[P, 2]`` in pixels, strides: ``[P]``. Raises ``DataError`` for targets without masks.
    """
    masks = [known_masks(one) for one in targets]
    losses = {"mask": _mask_loss(outputs, masks, positives, points=points, strides=strides)}
    if outputs.semantic is not None:
        losses["semantic"] = semantic_loss(outputs.semantic, targets)
    return losses


def dice_rows(instances: Instances, features: Tensor, wanted: Tensor) -> Tensor:
    """Return the dice loss ``[N]`` of each of ``instances`` to masks ``[N, H/4, W/4]``."""
    return dice_losses(mask_logits(instances, features), wanted, epsilon=DICE_EPSILON)


def semantic_loss(logits: Tensor, targets: Sequence[Targets]) -> Tensor:
    """Return the focal loss of ``logits`` ``[B, C, h, w]`` at stride 8, a cell of an object."""
    class_count = logits.shape[1]
    size = (logits.shape[2], logits.shape[3])
    labels = torch.stack([semantic_target(one, class_count, size) for one in targets])
    wanted = F.one_hot(labels, class_count + 1)[..., :class_count].permute(0, 3, 1, 2)
    total = sigmoid_focal_loss(
        logits.float(), wanted.float(), alpha=FOCAL_ALPHA, gamma=FOCAL_GAMMA, reduction="sum"
    )
    return total / (labels < class_count).sum().clamp(min=1)


def semantic_target(targets: Targets, class_count: int, size: tuple[int, int]) -> Tensor:
    """Return the class of every cell ``[h, w]`` at stride 8, ``class_count`` where nothing lies.

    Where masks overlap the smallest one counts, of equally small ones the first.
    """
    masks = known_masks(targets)
    if not len(masks):
        return torch.full(size, class_count, device=targets.labels.device)
    order = masks.flatten(1).sum(dim=1).argsort(stable=True)
    cells = sampled_masks(masks[order], FEATURE_STRIDE, size)
    first = cells.to(torch.uint8).argmax(dim=0)
    return torch.where(cells.any(dim=0), targets.labels[order][first], class_count)


def sampled_masks(masks: Tensor, stride: int, size: tuple[int, int]) -> Tensor:
    """Return what ``masks`` ``[N, H, W]`` are in the middle of every cell of ``stride`` pixels.

    size: (height, width) in cells of the padded picture, whose padding belongs to no mask.
    """
    middle = stride // 2
    cells = masks[:, middle::stride, middle::stride]
    return F.pad(cells, (0, size[1] - cells.shape[2], 0, size[0] - cells.shape[1]))


def mask_centroids(masks: Tensor) -> Tensor:
    """Return the mean x and y ``[N, 2]`` of the pixels of ``masks`` ``[N, H, W]``, counted from 0.

    Masks without a pixel have theirs in the corner.
    """
    height, width = masks.shape[-2:]
    mass = masks.flatten(1).sum(dim=1).clamp(min=LEAST_MASS)
    across, down = (
        masks.sum(dim=dim).float() @ torch.arange(side, device=masks.device, dtype=torch.float32)
        for dim, side in ((1, width), (2, height))
    )
    return torch.stack([across / mass, down / mass], dim=1)


def _mask_loss(
    outputs: MaskOutputs,
    masks: Sequence[Tensor],
    positives: MaskPositives,
    *,
    points: Tensor,
    strides: Tensor,
) -> Tensor:
    count = len(positives.pictures)
    if not count:
        # The sum of nothing: 0, and still a function of both.
        return outputs.parameters[:0].float().sum() + outputs.features[:0].float().sum()
    height, width = (side * FEATURE_STRIDE // MASK_STRIDE for side in outputs.features.shape[-2:])
    cells = [sampled_masks(one, MASK_STRIDE, (height, width)) for one in masks]
    firsts = torch.tensor([0, *(len(one) for one in cells)]).cumsum(0)[:-1]
    rows = firsts.to(positives.pictures.device)[positives.pictures] + positives.objects
    wanted = torch.cat(cells)
    parts = []
    for part in torch.arange(count, device=rows.device).split(INSTANCES_AT_ONCE):
        pictures, places = positives.pictures[part], positives.points[part]
        instances = Instances(
            outputs.parameters[pictures, places], pictures, points[places], strides[places]
        )
        values = (instances, outputs.features, wanted[rows[part]])
        alone = count <= INSTANCES_AT_ONCE
        parts.append(
            dice_rows(*values) if alone else checkpoint(dice_rows, *values, use_reentrant=False)
        )
    return MASK_WEIGHT * torch.cat(parts).mean()


def known_masks(targets: Targets) -> Tensor:
    """Return the masks of ``targets``; raises ``DataError`` if it has none."""
    if targets.masks is None:
        raise DataError(
            "masks cannot be learnt from boxes alone",
            field="masks",
            got=f"{len(targets)} objects without masks",
            expected="a mask for every object",
            remedy="Give a data set with outlines, or learn boxes alone",
        )
    return targets.masks
