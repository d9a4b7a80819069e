"""What defines a two-stage detector of the DeFRCN family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handful.memory.calibration import Blend
from handful.methods.two_stage_config import TwoStageConfig


@dataclass(frozen=True)
class DeFRCNConfig(TwoStageConfig):
    """The settings of one detector; the defaults are DeFRCN's base stage on VOC.

    Fields of ``TwoStageConfig`` mean what they mean there; those of proposals, sampling and
    post-processing follow the paper's section 5 and its code.
    neck: "c4" (one map of stride 16, last stage in the head) or "fpn" (TFA).
    classifier: "linear", or "cosine" (TFA); cosine_scale -1 makes it learnable, from 20.
    decouple_rpn, decouple_roi: whether a gradient gate and an affine map stand before each;
    rpn_scale, roi_scale: what the gates multiply gradients by.
    freeze_backbone, freeze_rpn, freeze_head (the ROI stage before the predictor): whole parts
    that do not train, as ``freeze_at`` does for the trunk.
    classifier_dropout: part of the pooled vector dropped before the classifier, 0 for none.
    pcb_*: prototypical calibration (equation 5).
    """

    neck: Literal["c4", "fpn"] = "c4"
    classifier: Literal["linear", "cosine"] = "linear"
    cosine_scale: float = 20.0
    decouple_rpn: bool = True
    decouple_roi: bool = True
    rpn_scale: float = 0.0
    roi_scale: float = 0.75
    freeze_backbone: bool = False
    freeze_rpn: bool = False
    freeze_head: bool = False
    classifier_dropout: float = 0.0
    pcb: bool = False
    pcb_alpha: float = 0.5
    pcb_lower: float = 0.05
    pcb_upper: float = 1.0

    @property
    def blend(self) -> Blend:
        """How prototypes calibrate this detector's scores."""
        return Blend(self.pcb_alpha, self.pcb_lower, self.pcb_upper)
