"""The original's settings and where ours live: one table, checked against its default values."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from handful.methods.os2d.config import OS2DConfig
from handful.methods.os2d.crops import CropRecipe
from handful.methods.os2d.objective import ObjectiveConfig
from handful.methods.os2d.training import LearningConfig, OptimizerConfig


@dataclass(frozen=True)
class OS2DSettings:
    """Everything that defines a network, its loss and its training step."""

    model: OS2DConfig = field(default_factory=OS2DConfig)
    objective: ObjectiveConfig = field(default_factory=ObjectiveConfig)
    learning: LearningConfig = field(default_factory=LearningConfig)
    crops: CropRecipe = field(default_factory=CropRecipe)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)


OFFICIAL_VALUES: dict[str, Callable[[OS2DSettings], Any]] = {
    "model.backbone_arch": lambda s: s.model.trunk.split("_")[0].replace("resnet", "ResNet"),
    "model.use_group_norm": lambda s: s.model.trunk.endswith("_groupnorm"),
    "model.use_inverse_geom_model": lambda s: s.model.inverse,
    "model.use_simplified_affine_model": lambda s: s.model.transform == "simplified",
    "model.class_image_size": lambda s: s.model.class_image_size,
    "model.normalization_mean": lambda s: list(s.model.mean),
    "model.normalization_std": lambda s: list(s.model.std),
    "eval.scales_of_image_pyramid": lambda s: list(s.model.pyramid),
    "eval.nms_iou_threshold": lambda s: s.model.nms_iou,
    "eval.nms_score_threshold": lambda s: _or_text(s.model.score_threshold),
    "train.objective.class_objective": lambda s: CLASS_LOSSES[s.objective.class_loss],
    "train.objective.pos_margin": lambda s: s.objective.pos_margin,
    "train.objective.neg_margin": lambda s: s.objective.neg_margin,
    "train.objective.loc_weight": lambda s: s.objective.loc_weight,
    "train.objective.class_neg_weight": lambda s: s.objective.class_neg_weight,
    "train.objective.neg_to_pos_ratio": lambda s: s.objective.neg_to_pos,
    "train.objective.rll_neg_weight_ratio": lambda s: s.objective.rll_neg_weight_ratio,
    "train.objective.positive_iou_threshold": lambda s: s.objective.positive_iou,
    "train.objective.negative_iou_threshold": lambda s: s.objective.negative_iou,
    "train.objective.remap_classification_targets": lambda s: s.objective.remap,
    "train.objective.remap_classification_targets_iou_pos": (
        lambda s: s.objective.remap_positive_iou
    ),
    "train.objective.remap_classification_targets_iou_neg": (
        lambda s: s.objective.remap_negative_iou
    ),
    "train.model.train_features": lambda s: s.learning.train_features,
    "train.model.freeze_bn": lambda s: s.learning.freeze_bn,
    "train.model.freeze_bn_transform": lambda s: s.learning.freeze_bn_transform,
    "train.model.freeze_transform": lambda s: s.learning.freeze_transform,
    "train.model.num_frozen_extractor_blocks": lambda s: s.learning.frozen_blocks,
    "train.model.train_transform_on_negs": lambda s: s.learning.train_transform_on_negatives,
    "train.augment.train_patch_width": lambda s: s.crops.patch_size[0],
    "train.augment.train_patch_height": lambda s: s.crops.patch_size[1],
    "train.augment.scale_jitter": lambda s: s.crops.scale_jitter,
    "train.augment.jitter_aspect_ratio": lambda s: s.crops.aspect_jitter,
    "train.augment.min_box_coverage": lambda s: s.crops.min_coverage,
    "train.optim.optim_method": lambda s: s.optimizer.method,
    "train.optim.lr": lambda s: s.optimizer.lr,
    "train.optim.weight_decay": lambda s: s.optimizer.weight_decay,
    "train.optim.sgd_momentum": lambda s: s.optimizer.momentum,
    "train.optim.max_grad_norm": lambda s: s.optimizer.max_grad_norm,
}
"""Official key -> how its value reads from our settings."""

CLASS_LOSSES = {"rll": "RLL", "contrastive": "ContrastiveLoss"}

NOT_CARRIED: dict[str, str] = {
    "is_cuda": "the device follows the model",
    "random_seed": "every sampler takes its own seed",
    "model.merge_branch_parameters": "scenes and class pictures always share a trunk",
    "init.": "weights are converted first, then loaded",
    "train.do_training": "training and evaluation are different commands",
    "train.batch_size": "belongs to the training recipes",
    "train.class_batch_size": "belongs to the training recipes",
    "train.dataset_": "belongs to the training recipes",
    "train.cache_images": "pictures are read when they are needed",
    "train.augment.random_": "off in every published recipe",
    "train.augment.mine_extra_class_images": "belongs to the training recipes",
    "train.mining.": "belongs to the search for hard patches",
    "train.optim.max_iter": "belongs to the training recipes",
    "train.optim.anneal_lr.": "belongs to the training recipes",
    "eval.iter": "belongs to the training recipes",
    "eval.dataset_": "the data set is an argument",
    "eval.cache_images": "pictures are read when they are needed",
    "eval.train_subset_for_eval_size": "belongs to the training recipes",
    "eval.nms_across_classes": "an argument of decode_pyramid, off as here",
    "eval.mAP_iou_thresholds": "an argument of the metric, 0.5 as here",
    "eval.batch_size": "pictures are searched one by one",
    "eval.class_image_augmentation": "an argument of class_views, none as here",
    "output.": "places and formats of files are arguments",
    "visualization.": "pictures are drawn from results afterwards",
}
"""Beginning of official keys that are no setting of ours -> why."""


def _or_text(value: float) -> float | str:
    return "-inf" if value == -math.inf else value
