"""What two-stage detectors share: first proposals, then a second look (arXiv 1506.01497)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from handful.boxes import box_area, decode_boxes
from handful.data.transforms import ShortSide, TestSize
from handful.methods.detector import TrainableDetector
from handful.methods.official import trunk_entries
from handful.methods.surgery import HeadNames
from handful.methods.two_stage_config import TwoStageConfig
from handful.nn.anchors import AnchorGrid, anchors_inside
from handful.nn.arithmetic import DETECTRON2, Arithmetic
from handful.nn.backbones import Trunk, freeze_parts, hold_statistics
from handful.nn.box_losses import box_head_losses, rpn_losses
from handful.nn.found import Found
from handful.nn.fpn import FPN
from handful.nn.originals import WayBack
from handful.nn.proposals import propose
from handful.nn.roi_pool import RoiPooling
from handful.nn.roi_samples import RoiSamples, join_samples, sample_regions
from handful.nn.rpn import AnchorTargets, drawn_count, match_anchors, only_among, sample_anchors
from handful.nn.sampler import Permutation, random_permutation
from handful.nn.two_stage import (
    Candidates,
    TwoStageOutputs,
    best_found,
    real_rows,
    surviving,
)
from handful.structures import Targets


class TwoStageDetector(TrainableDetector):
    """A detector of a trunk, maybe a pyramid, proposals, and a head that judges regions.

    A method builds the parts that are named here, in ``__init__``, then calls ``freeze``; it says
    what the head answers for regions, and in ``forward`` what each stage sees. ``rpn`` returns
    what ``RPNHead`` does. head_names: of the entries that know the classes. arithmetic: how
    boxes are counted.
    """

    head_names: ClassVar[HeadNames]
    config: TwoStageConfig
    arithmetic: Arithmetic = DETECTRON2
    trunk: Trunk
    neck: FPN | None
    anchors: AnchorGrid
    rpn: nn.Module
    roi_pooling: RoiPooling

    @abstractmethod
    def head_outputs(
        self, features: Sequence[Tensor], boxes: Tensor, pictures: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return logits ``[M, K + 1]`` and offsets of ``boxes`` ``[M, 4]``.

        Offsets are ``[M, 4 K]``, or ``[M, 4]`` where all classes share a box. pictures:
        ``[M]``, which picture of ``features`` each box lies on.
        """

    def imagenet_entries(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return what the detector takes from an ImageNet ResNet with torchvision's names.

        Raises ``WeightsError`` if that has other entries or shapes than the trunk.
        """
        return trunk_entries(state, self.state_dict(), trunk=self.config.trunk)

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return the maps, fine to coarse, of normalised ``images`` ``[B, 3, H, W]``."""
        maps = self.trunk(images)
        return maps if self.neck is None else self.neck(maps)

    def first_stage(
        self, maps: Sequence[Tensor], features: Sequence[Tensor], sizes: Tensor
    ) -> TwoStageOutputs:
        """Return the proposals on ``maps`` for pictures of ``sizes`` ``[B, 2]``.

        features: the maps that regions will be cut from.
        """
        config, stage = self.config, 0 if self.training else 1
        objectness, deltas = self.rpn(maps)
        anchors = self.anchors(maps)
        proposals = propose(
            [one.detach() for one in objectness],
            [one.detach() for one in deltas],
            anchors,
            sizes,
            before=config.proposals_before_nms[stage],
            after=config.proposals_after_nms[stage],
            iou=config.proposal_nms_iou,
            joint=self.training and self.arithmetic.joint_proposals,
            arithmetic=self.arithmetic,
        )
        return TwoStageOutputs(
            tuple(features),
            torch.cat(objectness, 1),
            torch.cat(deltas, 1),
            torch.cat(anchors),
            *proposals,
        )

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
        anchors, samples = self.drawn(outputs, targets, sampler=sampler)
        return with_total(
            {**self.anchor_losses(outputs, anchors), **self.region_losses(outputs, samples)}
        )

    def drawn(
        self,
        outputs: TwoStageOutputs,
        targets: Sequence[Targets],
        *,
        sampler: Permutation | None = None,
    ) -> tuple[list[AnchorTargets], RoiSamples]:
        """Return the anchors and the regions that a step learns from; arguments as ``loss``."""
        sampler = sampler or random_permutation()
        targets = [one[~one.crowd & (box_area(one.boxes) > 0)] for one in targets]
        anchors = self.anchor_targets(outputs.anchors, targets, sampler=sampler)
        return anchors, self.region_samples(outputs, targets, sampler=sampler)

    def anchor_losses(
        self, outputs: TwoStageOutputs, anchors: Sequence[AnchorTargets]
    ) -> dict[str, Tensor]:
        """Return the losses of the first stage on the anchors that were drawn."""
        objectness, boxes = rpn_losses(
            outputs.objectness,
            outputs.deltas,
            outputs.anchors,
            anchors,
            divisor=self.anchor_divisor(anchors),
            beta=self.arithmetic.rpn_beta,
            extra=self.arithmetic.extra,
        )
        return {"rpn_objectness": objectness, "rpn_boxes": boxes}

    def anchor_divisor(self, anchors: Sequence[AnchorTargets]) -> Tensor | float:
        """Return what the sums over the drawn anchors of all pictures are divided by."""
        if self.arithmetic.divisor == "asked":
            return self.config.rpn_batch * len(anchors)
        return drawn_count(anchors, least=int(self.arithmetic.divisor == "at_least_one"))

    def region_losses(self, outputs: TwoStageOutputs, samples: RoiSamples) -> dict[str, Tensor]:
        """Return the losses of the second stage on the regions that were drawn."""
        logits, offsets = self.sample_outputs(outputs.features, samples)
        classes, boxes = box_head_losses(
            logits,
            offsets,
            labels=samples.labels,
            boxes=samples.boxes,
            target_boxes=samples.target_boxes,
            beta=self.arithmetic.roi_beta,
            extra=self.arithmetic.extra,
        )
        return {"classes": classes, "boxes": boxes}

    def sample_outputs(
        self, features: Sequence[Tensor], samples: RoiSamples
    ) -> tuple[Tensor, Tensor]:
        """Return what ``head_outputs`` says of ``samples``; offsets matter for objects alone."""
        return self.head_outputs(features, samples.boxes, samples.pictures)

    def anchor_targets(
        self, anchors: Tensor, targets: Sequence[Targets], *, sampler: Permutation
    ) -> list[AnchorTargets]:
        """Return what the sampled ones of ``anchors`` ``[N, 4]`` should say on each picture."""
        config = self.config
        return [
            sample_anchors(
                self.matched_anchors(anchors, one),
                count=config.rpn_batch,
                positive_part=config.rpn_positive_part,
                permutation=sampler,
            )
            for one in targets
        ]

    def matched_anchors(self, anchors: Tensor, targets: Targets) -> AnchorTargets:
        """Return what all of ``anchors`` ``[N, 4]`` should say on one picture."""
        chosen = None
        if self.arithmetic.inside_anchors:
            chosen = anchors_inside(anchors, targets.image_size)
        matched = match_anchors(
            anchors if chosen is None else anchors[chosen],
            targets.boxes,
            positive=self.config.rpn_positive_iou,
            negative=self.config.rpn_negative_iou,
            takeover=self.arithmetic.takeover,
            extra=self.arithmetic.extra,
        )
        return matched if chosen is None else only_among(chosen, matched)

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
                    objects_first=self.arithmetic.objects_first,
                    extra=self.arithmetic.extra,
                )
                for picture, one in enumerate(targets)
            ]
        )

    def detect(
        self, outputs: TwoStageOutputs, sizes: Tensor, *, pixels: Tensor | None = None
    ) -> Found:
        """Return the detections in prepared pictures of ``sizes`` ``[B, 2]``, as padded tensors.

        pixels: as in ``survivors``.
        """
        batch, limit = outputs.proposals.shape[:2]
        valid = real_rows(outputs.proposal_counts, limit)
        if torch.compiler.is_exporting():
            # A graph of fixed shapes runs the padding as well.
            rows = torch.arange(batch * limit, device=valid.device)
        else:
            rows = valid.flatten().nonzero().flatten()
        boxes = outputs.proposals.flatten(0, 1)[rows]
        logits, offsets = self.head_outputs(outputs.features, boxes, rows // limit)
        candidates = self.survivors(
            logits, offsets, boxes, rows=rows, valid=valid, sizes=sizes, pixels=pixels
        )
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
        pixels: Tensor | None = None,
    ) -> Candidates:
        """Return what the head's answers for ``boxes`` ``[M, 4]`` leave after suppression.

        rows: ``[M]``, places of the boxes in a table whose real rows are ``valid`` ``[B, P]``.
        pixels: ``[B, 2]``, height and width of one pixel as suppression counts them, None for
        those of the prepared picture.
        """
        rule, scores = self.arithmetic, logits.float().softmax(dim=1)[:, :-1]
        decoded = decode_boxes(
            offsets.float().unflatten(1, (-1, 4)),
            boxes[:, None],
            extra=rule.extra,
            limit_shrinking=rule.limit_shrinking,
        )
        if rule.nms_extra:
            pixels = (torch.ones_like(sizes) if pixels is None else pixels) * rule.nms_extra
        return surviving(
            _spread(decoded, rows, valid).unflatten(0, valid.shape),
            _spread(scores, rows, valid).unflatten(0, valid.shape),
            valid,
            sizes,
            threshold=self.config.score_threshold,
            iou=self.config.nms_iou,
            extra=rule.extra,
            nms_extra=pixels if rule.nms_extra else None,
        )

    def way_back(self) -> WayBack:
        """Return how boxes return to the original picture."""
        return WayBack(clipped=True)

    def test_resize(self) -> TestSize:
        """Return how large a test picture is shown."""
        return ShortSide((self.config.test_short_side,), self.config.longest_side)

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

    def freeze(self) -> None:
        """Stop training of what the settings freeze: parts of the trunk, and norms."""
        freeze_parts(self.trunk, self.config.freeze_at)
        if self.config.norm == "frozen":
            for part in self.modules():
                if isinstance(part, nn.modules.batchnorm._BatchNorm):
                    part.requires_grad_(False)


def with_total(losses: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return ``losses`` and their sum, ``total``."""
    return {**losses, "total": torch.stack(list(losses.values())).sum()}


def _spread(values: Tensor, rows: Tensor, valid: Tensor) -> Tensor:
    """Return ``values`` ``[M, ...]`` at their ``rows`` of a table ``[B * P, ...]``."""
    table = values.new_zeros((valid.numel(), *values.shape[1:]))
    return table.index_copy(0, rows, values)
