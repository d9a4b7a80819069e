"""What defines any two-stage detector; each method adds what is its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TwoStageConfig:
    """The settings that two-stage detectors share; the defaults are DeFRCN's on VOC.

    class_names: outputs of the head, background excluded. trunk: "resnet101_caffe",
    "resnet50_caffe" (stride in the first 1x1, frozen batch norm) or "efficientnet_lite0".
    freeze_at: parts of the trunk, stem first, that do not train.
    mean, std: of the channels in ``channel_order``, 0 to 255.
    anchor_sizes: one tuple a level. Pairs are of training and test. pooling: side of a region
    in cells, of ``roi_sampling`` points each way (0: as many as it covers map cells), shifted
    by half a pixel where ``roi_aligned``. rpn_channels: of its hidden map, None for as many as
    it sees. fpn_channels, dense_channels: widths of the pyramid and of its head.
    """

    class_names: tuple[str, ...] = ()
    trunk: str = "resnet101_caffe"
    norm: Literal["frozen", "batch", "group"] = "frozen"
    freeze_at: int = 3
    channel_order: Literal["bgr", "rgb"] = "bgr"
    mean: tuple[float, float, float] = (103.53, 116.28, 123.675)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    anchor_sizes: tuple[tuple[float, ...], ...] = ((32.0, 64.0, 128.0, 256.0, 512.0),)
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    rpn_positive_iou: float = 0.7
    rpn_negative_iou: float = 0.3
    rpn_batch: int = 256
    rpn_positive_part: float = 0.5
    proposals_before_nms: tuple[int, int] = (12000, 6000)
    proposals_after_nms: tuple[int, int] = (2000, 1000)
    proposal_nms_iou: float = 0.7
    roi_batch: int = 512
    roi_positive_part: float = 0.25
    roi_positive_iou: float = 0.5
    pooling: int = 7
    roi_sampling: int = 0
    roi_aligned: bool = True
    rpn_channels: int | None = None
    fpn_channels: int = 256
    dense_channels: int = 1024
    score_threshold: float = 0.05
    nms_iou: float = 0.5
    max_detections: int = 100
    train_short_sides: tuple[int, ...] = (480, 512, 544, 576, 608, 640, 672, 704, 736, 768, 800)
    test_short_side: int = 800
    longest_side: int = 1333

    @property
    def class_count(self) -> int:
        """Number of classes, background excluded."""
        return len(self.class_names)
