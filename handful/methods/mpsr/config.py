"""What defines an MPSR detector (arXiv 2007.09384)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from handful.errors import ConfigError
from handful.memory.calibration import Blend
from handful.methods.two_stage_config import TwoStageConfig

STRIDES = (4, 8, 16, 32)
TOP_STRIDE = 64
LEVELS = (*STRIDES, TOP_STRIDE)
"""Strides of the pyramid's maps; the top one only proposes."""

CropRow = tuple[int, int, int, int]


class CropScale(NamedTuple):
    """How objects of one scale are learned from: as positives of exactly one map a head.

    size: side of the crop in pixels. rpn_level: the map whose centre its anchors are on, 0 for
    the finest. rpn_cut: cells that this map loses on each side first. roi_level: the map that
    is pooled as one region.
    """

    size: int
    rpn_level: int
    rpn_cut: int
    roi_level: int

    @property
    def rpn_side(self) -> int:
        """Cells along a side of the map that the proposal network sees."""
        return -(-self.size // LEVELS[self.rpn_level]) - 2 * self.rpn_cut


@dataclass(frozen=True)
class MPSRConfig(TwoStageConfig):
    """The settings of one detector; the defaults are those of base training on VOC.

    Fields of ``TwoStageConfig`` mean what they mean there; ``roi_aligned`` is off where VOC is
    fine-tuned. crops: a row (size, rpn level, rpn cut, roi level) for each scale, see
    ``CropScale``. crop_border: cells on each side of a crop's map that are not its centre.
    crop_weight: of the classification of crops in the loss. box_rule: whose way to draw anchors
    and to measure boxes, "mmfewshot", or "authors", where a box covers its last pixel. init:
    whose way to start the layers behind the pyramid. classifier_spread: standard deviation of
    fresh rows of the classifier. objectness_channels: of each anchor, before its score.
    """

    freeze_at: int = 2
    mean: tuple[float, float, float] = (102.9801, 115.9465, 122.7717)
    anchor_sizes: tuple[tuple[float, ...], ...] = ((32.0,), (64.0,), (128.0,), (256.0,), (512.0,))
    proposals_before_nms: tuple[int, int] = (2000, 1000)
    proposals_after_nms: tuple[int, int] = (2000, 1000)
    pooling: int = 8
    roi_sampling: int = 2
    train_short_sides: tuple[int, ...] = (800,)
    crops: tuple[CropRow, ...] = (
        (32, 0, 0, 0),
        (64, 1, 0, 0),
        (128, 2, 0, 0),
        (256, 3, 0, 1),
        (512, 4, 0, 2),
        (800, 4, 2, 3),
    )
    crop_border: int = 3
    crop_weight: float = 0.1
    box_rule: Literal["mmfewshot", "authors"] = "mmfewshot"
    init: Literal["mmfewshot", "authors"] = "mmfewshot"
    classifier_spread: float = 0.01
    objectness_channels: int = 64
    blend: Blend = Blend()

    def __post_init__(self) -> None:
        if len(self.anchor_sizes) != len(LEVELS):
            raise ConfigError(
                "every map needs its anchors",
                field="anchor_sizes",
                got=f"sizes for {len(self.anchor_sizes)} maps",
                expected=len(LEVELS),
            )
        for number, scale in enumerate(self.crop_scales):
            inside = 0 <= scale.rpn_level < len(LEVELS) and 0 <= scale.roi_level < len(STRIDES)
            if not inside or scale.size < 1 or scale.rpn_side <= 2 * self.crop_border:
                raise ConfigError(
                    "a scale of crops has no cell to learn from",
                    field=f"crops.{number}",
                    got=list(scale),
                    expected=f"rpn level below {len(LEVELS)}, roi level below {len(STRIDES)}, "
                    f"and more than {2 * self.crop_border} cells on the rpn map after its cut",
                )

    @property
    def crop_scales(self) -> tuple[CropScale, ...]:
        """How each of ``crops`` is learned from."""
        return tuple(CropScale(*row) for row in self.crops)
