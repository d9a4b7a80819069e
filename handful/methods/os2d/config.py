"""What defines an OS2D network: its trunk, its template, its transform, its pyramid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from handful.errors import ConfigError

PAPER_PYRAMID = (0.5, 0.625, 0.8, 1.0, 1.2, 1.4, 1.6)


@dataclass(frozen=True)
class OS2DConfig:
    """The settings of one OS2D network; the defaults are the paper's V2 with ResNet-50.

    trunk: name for ``handful.nn.backbones.build_trunk``.
    trunk_strides: the trunk's maps that are joined; coarser ones are enlarged to
    ``feature_stride``. projection: channels of a learned 1x1 convolution after them, or None.
    template_size: side T of a class feature, in cells. template_border: cells at each
    side of it that do not count for the score.
    class_image_size: class pictures are resized to the area of this square, in pixels.
    image_size: the same for scenes before the pyramid; None leaves them as they come.
    anchor_size: side in pixels of the box of a cell; None for template_size * feature_stride.
    transform: "affine" (6 parameters) or "simplified" (4: scale and shift).
    inverse: the transform net tells the map from scene to template, not the way back.
    regressor_kernels, regressor_channels: the transform net's convolutions, first to last.
    mean, std: of RGB in [0, 1]. pyramid: scales. nms_iou, score_threshold: for detections.
    rivalry: what a box loses to a stronger one of another class at its place, times what it lacks.
    """

    trunk: str = "resnet50"
    trunk_strides: tuple[int, ...] = (16,)
    feature_stride: int = 16
    projection: int | None = None
    template_size: int = 15
    template_border: int = 2
    class_image_size: int = 240
    image_size: int | None = None
    anchor_size: float | None = None
    transform: Literal["affine", "simplified"] = "affine"
    inverse: bool = True
    regressor_kernels: tuple[int, ...] = (7, 5, 5)
    regressor_channels: tuple[int, ...] = (128, 64)
    regressor_padding: Literal["zeros", "reflect", "replicate"] = "zeros"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)
    pyramid: tuple[float, ...] = PAPER_PYRAMID
    nms_iou: float = 0.3
    score_threshold: float = -math.inf
    rivalry: float = 0.0

    def __post_init__(self) -> None:
        for name in (
            "trunk_strides",
            "regressor_kernels",
            "regressor_channels",
            "mean",
            "std",
            "pyramid",
        ):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("feature_stride", "template_size", "class_image_size"):
            _require(getattr(self, name) > 0, name, getattr(self, name), "a positive number")
        _require(
            self.transform in ("affine", "simplified"),
            "transform",
            self.transform,
            "'affine' or 'simplified'",
        )
        _require(
            len(self.regressor_kernels) == len(self.regressor_channels) + 1
            and all(kernel % 2 for kernel in self.regressor_kernels),
            "regressor_kernels",
            self.regressor_kernels,
            "odd numbers, one more than regressor_channels",
        )
        _require(
            bool(self.trunk_strides)
            and all(stride % self.feature_stride == 0 for stride in self.trunk_strides),
            "trunk_strides",
            self.trunk_strides,
            f"multiples of feature_stride {self.feature_stride}",
        )
        _require(
            0 <= 2 * self.template_border < self.template_size,
            "template_border",
            self.template_border,
            f"less than half of template_size {self.template_size}",
        )
        _require(
            bool(self.pyramid) and all(scale > 0 for scale in self.pyramid),
            "pyramid",
            self.pyramid,
            "one or more positive scales",
        )

    @property
    def anchor_side(self) -> float:
        """Side of the box that belongs to a feature cell, in pixels."""
        return self.anchor_size or self.template_size * self.feature_stride

    @property
    def parameters(self) -> int:
        """Number of values the transform net predicts at each cell."""
        return 6 if self.transform == "affine" else 4


def _require(holds: bool, field: str, got: object, expected: str) -> None:
    if not holds:
        raise ConfigError(
            "this OS2D setting makes no sense", field=field, got=got, expected=expected
        )


V1 = OS2DConfig(trunk="resnet101", transform="simplified", inverse=False)
V2 = OS2DConfig(trunk="resnet50", transform="affine", inverse=True)
