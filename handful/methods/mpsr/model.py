"""MPSR: few-shot detection refined by objects shown at many scales (arXiv 2007.09384)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.data.transforms import InputRule, Letterbox, TestSize
from handful.errors import ConfigError
from handful.methods.mpsr.box_head import TwoBranchHead
from handful.methods.mpsr.config import LEVELS, STRIDES, MPSRConfig
from handful.methods.mpsr.keys import OUR_HEAD
from handful.methods.mpsr.pictures import input_rule
from handful.methods.mpsr.refinement import CropOutputs, crop_class_loss, crop_objectness_loss
from handful.methods.mpsr.rpn import SharedRPNHead
from handful.methods.two_stage import TwoStageDetector, with_total
from handful.nn.anchors import AnchorGrid
from handful.nn.arithmetic import MASKRCNN_BENCHMARK, MMDETECTION
from handful.nn.backbones import build_trunk
from handful.nn.found import Found
from handful.nn.fpn import FPN
from handful.nn.norm import folded_once
from handful.nn.originals import on_originals
from handful.nn.roi_pool import RoiPooling
from handful.nn.roi_samples import RoiSamples
from handful.nn.sampler import Permutation
from handful.nn.two_stage import TwoStageOutputs
from handful.structures import Detections, ObjectCrops, Targets

ARITHMETIC = {"mmfewshot": MMDETECTION, "authors": MASKRCNN_BENCHMARK}
"""How boxes are counted by ``MPSRConfig.box_rule``."""


class MPSROutputs(NamedTuple):
    """What ``forward`` returns. stages: of a detector without crops. crops: None without them."""

    stages: TwoStageOutputs
    crops: CropOutputs | None = None


class MPSR(TwoStageDetector):
    """Finds objects of the classes that ``config`` names.

    pretrained_trunk: start from the trunk's ImageNet weights, where a package brings them.
    Raises ``ConfigError`` for settings that do not fit together.
    """

    method = "mpsr"
    config_type = MPSRConfig
    head_names = OUR_HEAD
    config: MPSRConfig
    neck: FPN
    rpn: SharedRPNHead

    def __init__(self, config: MPSRConfig, *, pretrained_trunk: bool = False) -> None:
        super().__init__()
        if not config.class_count:
            raise ConfigError("a detector needs classes", field="class_names", got="none")
        self.config = config
        self.arithmetic = ARITHMETIC[config.box_rule]
        by_authors, channels = config.init == "authors", config.fpn_channels
        self.trunk = build_trunk(
            config.trunk, STRIDES, pretrained=pretrained_trunk, norm=config.norm
        )
        self.neck = FPN(self.trunk.channels, channels)
        self.anchors = AnchorGrid(
            config.anchor_sizes,
            config.anchor_ratios,
            strides=LEVELS,
            rounded=self.arithmetic.rounded_anchors,
        )
        self.rpn = SharedRPNHead(
            channels,
            anchors_per_cell=self.anchors.anchors_per_cell,
            score_channels=config.objectness_channels,
            torch_start=by_authors,
        )
        self.roi_pooling = RoiPooling(
            config.pooling,
            STRIDES,
            sampling=config.roi_sampling,
            aligned=config.roi_aligned,
            levels=self.arithmetic.levels,
        )
        self.head = TwoBranchHead(
            channels * config.pooling**2,
            config.dense_channels,
            config.class_count,
            spread=config.classifier_spread,
            torch_start=not by_authors,
        )
        self.freeze()

    def forward(
        self, images: Tensor, sizes: Tensor, crops: ObjectCrops | None = None
    ) -> MPSROutputs:
        """Return proposals on normalised, padded ``images`` ``[B, 3, H, W]``, and about ``crops``.

        sizes: ``[B, 2]``, height and width of each picture before padding.
        """
        with nullcontext() if crops is None else folded_once():
            maps = self.maps(images)
            stages = self.first_stage(maps, maps[: len(STRIDES)], sizes)
            return MPSROutputs(stages, None if crops is None else self.crop_outputs(crops))

    def crop_outputs(self, crops: ObjectCrops) -> CropOutputs:
        """Return what both stages say of ``crops``, each scale by the maps that it trains.

        Raises ``ConfigError`` for other scales than those of ``config.crops``.
        """
        self._require_scales(crops)
        objectness, pooled = [], []
        for scale, pictures in zip(self.config.crop_scales, crops.pictures, strict=True):
            levels = (scale.rpn_level, scale.roi_level)
            maps = self.neck.chosen(self.trunk(pictures), levels)
            centre = self.rpn.centre_scores(
                maps[scale.rpn_level], cut=scale.rpn_cut, border=self.config.crop_border
            )
            objectness.append(centre)
            pooled.append(F.adaptive_avg_pool2d(maps[scale.roi_level], self.config.pooling))
        logits = self.head.class_logits(torch.cat(pooled))
        return CropOutputs(tuple(objectness), logits, crops.labels)

    def head_outputs(
        self, features: Sequence[Tensor], boxes: Tensor, pictures: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return logits ``[M, K + 1]`` and offsets ``[M, 4]`` of ``boxes`` ``[M, 4]``.

        pictures: ``[M]``, which picture of ``features`` each box lies on.
        """
        return self.head(self.roi_pooling(features, boxes, pictures))

    def sample_outputs(
        self, features: Sequence[Tensor], samples: RoiSamples
    ) -> tuple[Tensor, Tensor]:
        """Return what ``head_outputs`` says of ``samples``, but offsets of objects alone."""
        pooled = self.roi_pooling(features, samples.boxes, samples.pictures)
        # The branch of boxes learns nothing of the background, which most regions show.
        objects = (samples.labels < self.config.class_count).nonzero().flatten()
        return self.head(pooled, objects)

    def loss(
        self,
        outputs: MPSROutputs,
        targets: Sequence[Targets],
        *,
        sampler: Permutation | None = None,
    ) -> dict[str, Tensor]:
        """Return the losses and their sum, ``total``; arguments as those of ``TwoStageDetector``.

        Anchors of pictures and of crops share one mean.
        """
        stages, crops = outputs
        anchors, samples = self.drawn(stages, targets, sampler=sampler)
        losses = {**self.anchor_losses(stages, anchors), **self.region_losses(stages, samples)}
        if crops is not None:
            own = self.anchor_divisor(anchors)
            joint = own + crops.anchor_count
            losses["rpn_objectness"] = losses["rpn_objectness"] * (own / joint)
            losses["crop_objectness"] = crop_objectness_loss(crops) / joint
            losses["crop_classes"] = self.config.crop_weight * crop_class_loss(crops)
        return with_total(losses)

    def detect(self, outputs: MPSROutputs, sizes: Tensor, *, pixels: Tensor | None = None) -> Found:
        """Return the detections in prepared pictures of ``sizes`` ``[B, 2]``, as padded tensors.

        pixels: as in ``survivors``.
        """
        return super().detect(outputs.stages, sizes, pixels=pixels)

    def predict(
        self, outputs: MPSROutputs, sizes: Tensor, *, originals: Sequence[tuple[int, int]]
    ) -> list[Detections]:
        """Return the detections of each picture in pixels of its original (height, width)."""
        pixels = None
        if self.arithmetic.nms_on_originals:
            pixels = sizes / torch.tensor(originals, device=sizes.device)
        return on_originals(
            self.detect(outputs, sizes, pixels=pixels),
            sizes,
            originals,
            class_names=self.config.class_names,
            way=self.way_back(),
        )

    def test_resize(self) -> TestSize:
        """Return how large a test picture is shown, by the code base that boxes are counted by."""
        if self.config.box_rule == "authors":
            return super().test_resize()
        return Letterbox((self.config.test_short_side, self.config.longest_side), "half_up")

    def input_rule(self) -> InputRule:
        """Return what the network expects of pixel values, and of whole cells."""
        return input_rule(self.config)

    def _require_scales(self, crops: ObjectCrops) -> None:
        found = [tuple(one.shape[-2:]) for one in crops.pictures]
        expected = [(scale.size, scale.size) for scale in self.config.crop_scales]
        if found != expected:
            raise ConfigError(
                "crops of other sizes than the detector learns from",
                field="model.crops",
                got=found,
                expected=expected,
            )
