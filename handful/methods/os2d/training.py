"""One training step's parts: what learns, and the loss of a batch."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from handful.methods.os2d.anchors import anchor_boxes, feature_map_size
from handful.methods.os2d.head import Matches
from handful.methods.os2d.model import OS2D
from handful.methods.os2d.objective import Losses, ObjectiveConfig, os2d_loss
from handful.methods.os2d.targets import encode_targets, remap_targets
from handful.nn.backbones import freeze_blocks, hold_statistics
from handful.structures import Targets


@dataclass(frozen=True)
class LearningConfig:
    """What of the network learns; the defaults are the original's.

    freeze_bn, freeze_bn_transform: BatchNorm statistics of the trunk and of the transform net
    stay (their weights still learn). frozen_blocks: first blocks of the trunk that do not
    learn. train_features: the trunk learns at all. freeze_transform: the transform net does
    not. train_transform_on_negatives: also negatives bend the transform, not only positives.
    """

    freeze_bn: bool = True
    freeze_bn_transform: bool = True
    frozen_blocks: int = 0
    train_features: bool = True
    freeze_transform: bool = False
    train_transform_on_negatives: bool = False


@dataclass(frozen=True)
class OptimizerConfig:
    """Stochastic gradient descent as the paper runs it, on all parameters alike."""

    method: Literal["sgd"] = "sgd"
    lr: float = 1e-4
    momentum: float = 0.9
    weight_decay: float = 1e-4
    max_grad_norm: float = 100.0

    def build(self, model: nn.Module) -> torch.optim.Optimizer:
        """Return the optimizer of ``model``; clipping to ``max_grad_norm`` is the loop's."""
        return torch.optim.SGD(
            model.parameters(),
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
        )


@dataclass(frozen=True)
class OneShotBatch:
    """Scenes of one size, the classes searched on all of them, and what is there.

    images: ``[B, 3, H, W]`` normalised. class_images: K of ``[1, 3, h, w]``, any sizes.
    targets: B; labels are positions in ``class_images``, others take no part.
    """

    images: Tensor
    class_images: Sequence[Tensor]
    targets: Sequence[Targets]


def set_learning(model: OS2D, config: LearningConfig) -> None:
    """Put ``model`` into training mode with the parts that ``config`` names held still.

    ``model.train()`` undoes what it says about statistics, so call this before each step.
    """
    model.train()
    model.requires_grad_(True)
    freeze_blocks(model.trunk, config.frozen_blocks)
    transform_net = model.head.transform_net
    if config.freeze_bn:
        hold_statistics(model.trunk)
    if config.freeze_bn_transform:
        hold_statistics(transform_net)
    if config.freeze_transform:
        transform_net.eval().requires_grad_(False)


def batch_loss(
    model: OS2D,
    batch: OneShotBatch,
    *,
    objective: ObjectiveConfig,
    learning: LearningConfig,
) -> Losses:
    """Return the losses of ``model`` on ``batch``."""
    with contextlib.nullcontext() if learning.train_features else torch.no_grad():
        templates = torch.stack([model.template(image) for image in batch.class_images])
        features = model.features(batch.images)
    matches = model.head(features, templates)
    height, width = batch.images.shape[-2:]
    anchors = anchor_boxes(
        feature_map_size((height, width), model.config.feature_stride),
        stride=model.config.feature_stride,
        side=model.config.anchor_side,
        device=features.device,
    )
    return matches_loss(matches, batch.targets, anchors, objective=objective, learning=learning)


def matches_loss(
    matches: Matches,
    targets: Sequence[Targets],
    anchors: Tensor,
    *,
    objective: ObjectiveConfig,
    learning: LearningConfig,
) -> Losses:
    """Return the losses of ``matches`` ``[B, K, ...]`` of B scenes at ``anchors`` ``[N, 4]``."""
    assigned, remapped = [], []
    for loc, known in zip(matches.loc, targets, strict=True):
        objects = (known.boxes, known.labels, known.difficult)
        assigned.append(
            encode_targets(
                *objects,
                anchors,
                len(loc),
                positive_iou=objective.positive_iou,
                negative_iou=objective.negative_iou,
            )
        )
        if objective.remap:
            remapped.append(
                remap_targets(
                    loc,
                    *objects,
                    anchors,
                    positive_iou=objective.remap_positive_iou,
                    negative_iou=objective.remap_negative_iou,
                ).cls
            )
    return os2d_loss(
        matches.scores,
        matches.loc,
        torch.stack([one.cls for one in assigned]),
        torch.stack([one.loc for one in assigned]),
        objective,
        remapped_targets=torch.stack(remapped) if remapped else None,
        negative_scores=None if learning.train_transform_on_negatives else matches.fixed_scores,
    )
