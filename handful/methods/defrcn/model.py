"""DeFRCN and TFA: a two-stage detector whose stages can be decoupled (arXiv 2108.09017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from handful.boxes import box_area, decode_boxes
from handful.data.transforms import InputRule, ShortSide
from handful.errors import ConfigError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.parts import build_head, build_predictor, build_trunk_and_neck
from handful.methods.defrcn.pictures import evaluation_resize, input_rule
from handful.methods.detector import TrainableDetector
from handful.nn.anchors import AnchorGrid
from handful.nn.backbones import freeze_parts, hold_statistics
from handful.nn.box_losses import box_head_losses, rpn_losses
from handful.nn.found import Found
from handful.nn.gradient_gate import GradientGate
from handful.nn.originals import WayBack
from handful.nn.proposals import propose
from handful.nn.roi_pool import RoiPooling
from handful.nn.roi_samples import RoiSamples, join_samples, sample_regions
from handful.nn.rpn import AnchorTargets, RPNHead, match_anchors, sample_anchors
from handful.nn.sampler import Permutation, random_permutation
from handful.nn.two_stage import (
    Candidates,
    TwoStageOutputs,
    best_found,
    real_rows,
    surviving,
)
from handful.structures import Targets


class DeFRCN(TrainableDetector):
    """Finds objects of the classes that ``config`` names.

    pretrained_trunk: start from the trunk's ImageNet weights, where a package brings them.
    Raises ``ConfigError`` for settings that do not fit together.
    """

    method = "defrcn"
    config_type = DeFRCNConfig

    def __init__(self, config: DeFRCNConfig, *, pretrained_trunk: bool = False) -> None:
        super().__init__()
        self.config = config
        self.trunk, self.neck, strides, channels = build_trunk_and_neck(
            config, pretrained=pretrained_trunk
        )
        if len(config.anchor_sizes) != len(strides):
            raise ConfigError(
                "every map needs its anchors",
                field="anchor_sizes",
                got=f"sizes for {len(config.anchor_sizes)} maps",
                expected=len(strides),
            )
        self.rpn_gate = (
            GradientGate(channels, scale=config.rpn_scale) if config.decouple_rpn else None
        )
        self.roi_gate = (
            GradientGate(channels, scale=config.roi_scale) if config.decouple_roi else None
        )
        self.anchors = AnchorGrid(config.anchor_sizes, config.anchor_ratios, strides=strides)
        self.rpn = RPNHead(
            channels,
            anchors_per_cell=self.anchors.anchors_per_cell,
            hidden=config.rpn_channels,
        )
        # The top map of a pyramid is too coarse for regions: it only proposes.
        self.roi_pooling = RoiPooling(
            config.pooling,
            strides[:-1] if config.neck == "fpn" else strides,
            sampling=config.roi_sampling,
            aligned=config.roi_aligned,
        )
        self.head = build_head(config, channels, pretrained=pretrained_trunk)
        self.predictor = build_predictor(config, self.head.channels)
        self._freeze()

    def forward(self, images: Tensor, sizes: Tensor) -> TwoStageOutputs:
        """Return features and proposals of normalised, padded ``images`` ``[B, 3, H, W]``.

        sizes: ``[B, 2]``, height and width of each picture before padding.
        """
        config, stage = self.config, 0 if self.training else 1
        maps = self.trunk(images)
        if self.neck is not None:
            maps = self.neck(maps)
        objectness, deltas = self.rpn(_through(self.rpn_gate, maps))
        anchors = self.anchors(maps)
        proposals = propose(
            [one.detach() for one in objectness],
            [one.detach() for one in deltas],
            anchors,
            sizes,
            before=config.proposals_before_nms[stage],
            after=config.proposals_after_nms[stage],
            iou=config.proposal_nms_iou,
        )
        regions_from = maps[: len(self.roi_pooling.strides)]
        return TwoStageOutputs(
            tuple(_through(self.roi_gate, regions_from)),
            torch.cat(objectness, 1),
            torch.cat(deltas, 1),
            torch.cat(anchors),
            *proposals,
        )

    def head_outputs(
        self, features: Sequence[Tensor], boxes: Tensor, pictures: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return logits ``[M, K + 1]`` and offsets ``[M, 4 K]`` of ``boxes`` ``[M, 4]``.

        pictures: ``[M]``, which picture of ``features`` each box lies on.
        """
        return self.predictor(self.head(self.roi_pooling(features, boxes, pictures)))

    def loss(
        self,
        outputs: TwoStageOutputs,
        targets: Sequence[Targets],
        *,
        sampler: Permutation | None = None,
    ) -> dict[str, Tensor]:
        """Return the four losses and their sum, ``total``.

        targets: boxes in pixels of the prepared pictures; regions of many objects and boxes
        without area teach nothing and are left out. sampler: the order in which anchors and
        regions are drawn, None for a random one.
        """
        sampler = sampler or random_permutation()
        targets = [one[~one.crowd & (box_area(one.boxes) > 0)] for one in targets]
        anchors = self.anchor_targets(outputs.anchors, targets, sampler=sampler)
        rpn_objectness, rpn_boxes = rpn_losses(
            outputs.objectness,
            outputs.deltas,
            outputs.anchors,
            anchors,
            divisor=self.config.rpn_batch * len(targets),
        )
        samples = self.region_samples(outputs, targets, sampler=sampler)
        logits, offsets = self.head_outputs(outputs.features, samples.boxes, samples.pictures)
        classes, boxes = box_head_losses(
            logits,
            offsets,
            labels=samples.labels,
            boxes=samples.boxes,
            target_boxes=samples.target_boxes,
        )
        losses = {
            "rpn_objectness": rpn_objectness,
            "rpn_boxes": rpn_boxes,
            "classes": classes,
            "boxes": boxes,
        }
        return {**losses, "total": torch.stack(list(losses.values())).sum()}

    def anchor_targets(
        self, anchors: Tensor, targets: Sequence[Targets], *, sampler: Permutation
    ) -> list[AnchorTargets]:
        """Return what the sampled ones of ``anchors`` ``[N, 4]`` should say on each picture."""
        config = self.config
        return [
            sample_anchors(
                match_anchors(
                    anchors,
                    one.boxes,
                    positive=config.rpn_positive_iou,
                    negative=config.rpn_negative_iou,
                ),
                count=config.rpn_batch,
                positive_part=config.rpn_positive_part,
                permutation=sampler,
            )
            for one in targets
        ]

    def region_samples(
        self, outputs: TwoStageOutputs, targets: Sequence[Targets], *, sampler: Permutation
    ) -> RoiSamples:
        """Return the regions of all pictures that the second stage learns from."""
        config = self.config
        counts = outputs.proposal_counts.tolist()
        return join_samples(
            [
                sample_regions(
                    outputs.proposals[picture, : counts[picture]],
                    one.boxes,
                    one.labels,
                    class_count=config.class_count,
                    positive_iou=config.roi_positive_iou,
                    count=config.roi_batch,
                    positive_part=config.roi_positive_part,
                    permutation=sampler,
                )
                for picture, one in enumerate(targets)
            ]
        )

    def detect(self, outputs: TwoStageOutputs, sizes: Tensor) -> Found:
        """Return the detections in prepared pictures of ``sizes`` ``[B, 2]``, as padded tensors."""
        batch, limit = outputs.proposals.shape[:2]
        valid = real_rows(outputs.proposal_counts, limit)
        if torch.compiler.is_exporting():
            # A graph of fixed shapes runs the padding as well.
            rows = torch.arange(batch * limit, device=valid.device)
        else:
            rows = valid.flatten().nonzero().flatten()
        boxes = outputs.proposals.flatten(0, 1)[rows]
        logits, offsets = self.head_outputs(outputs.features, boxes, rows // limit)
        candidates = self.survivors(logits, offsets, boxes, rows=rows, valid=valid, sizes=sizes)
        return best_found(candidates, batch=batch, limit=self.config.max_detections)

    def survivors(
        self,
        logits: Tensor,
        offsets: Tensor,
        boxes: Tensor,
        *,
        rows: Tensor,
        valid: Tensor,
        sizes: Tensor,
    ) -> Candidates:
        """Return what the head's answers for ``boxes`` ``[M, 4]`` leave after suppression.

        rows: ``[M]``, places of the boxes in a table whose real rows are ``valid`` ``[B, P]``.
        """
        shape = (*valid.shape, self.config.class_count)
        decoded = decode_boxes(offsets.float().reshape(-1, shape[-1], 4), boxes[:, None])
        scores = logits.float().softmax(dim=1)[:, :-1]
        return surviving(
            _spread(decoded, rows, valid).reshape(*shape, 4),
            _spread(scores, rows, valid).reshape(shape),
            valid,
            sizes,
            threshold=self.config.score_threshold,
            iou=self.config.nms_iou,
        )

    def way_back(self) -> WayBack:
        """Return how boxes return to the original picture."""
        return WayBack(clipped=True)

    def test_resize(self) -> ShortSide:
        """Return how large a test picture is shown."""
        return evaluation_resize(self.config)

    def input_rule(self) -> InputRule:
        """Return what the network expects of pixel values, and of whole cells."""
        return input_rule(self.config)

    def train(self, mode: bool = True) -> Self:
        """Switch to training; norms that are frozen keep their statistics."""
        super().train(mode)
        if self.config.norm == "frozen":
            hold_statistics(self)
        else:
            for part in self.modules():
                parameters = list(part.parameters())
                if parameters and not any(one.requires_grad for one in parameters):
                    hold_statistics(part)
        return self

    def _freeze(self) -> None:
        config = self.config
        freeze_parts(self.trunk, config.freeze_at)
        frozen = {
            "trunk": config.freeze_backbone,
            "neck": config.freeze_backbone,
            "rpn": config.freeze_rpn,
            "head": config.freeze_head,
        }
        for name, freeze in frozen.items():
            part = getattr(self, name)
            if freeze and part is not None:
                part.requires_grad_(False)
        if config.norm == "frozen":
            for part in self.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.requires_grad_(False)


def _through(gate: nn.Module | None, maps: Sequence[Tensor]) -> list[Tensor]:
    return list(maps) if gate is None else [gate(one) for one in maps]


def _spread(values: Tensor, rows: Tensor, valid: Tensor) -> Tensor:
    """Return ``values`` ``[M, ...]`` at their ``rows`` of a table ``[B, P, ...]``."""
    table = values.new_zeros((valid.numel(), *values.shape[1:]))
    return table.index_copy(0, rows, values)
