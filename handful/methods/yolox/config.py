"""What defines a YOLOX detector."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from handful.errors import ConfigError, suggest
from handful.memory.calibration import Blend

Size = Literal["nano", "tiny", "s", "m", "l", "x"]
Flavour = Literal["megvii", "mmdet"]


class Scale(NamedTuple):
    """What the name of a size stands for.

    depth, width: factors of block counts and of channels. depthwise: whether 3x3 convolutions
    are split into a depthwise and a pointwise one. side: of the pictures it is tested on.
    """

    depth: float
    width: float
    depthwise: bool
    side: int


SCALES: dict[Size, Scale] = {
    "nano": Scale(0.33, 0.25, depthwise=True, side=416),
    "tiny": Scale(0.33, 0.375, depthwise=False, side=416),
    "s": Scale(0.33, 0.5, depthwise=False, side=640),
    "m": Scale(0.67, 0.75, depthwise=False, side=640),
    "l": Scale(1.0, 1.0, depthwise=False, side=640),
    "x": Scale(1.33, 1.25, depthwise=False, side=640),
}

STRIDES = (8, 16, 32)
"""Of the three maps that objects are found on."""

PUBLISHED_SIDE = (0, 0)
"""Stands for the input size that a network of this size was published with."""


@dataclass(frozen=True)
class YOLOXConfig:
    """The settings of one detector; the defaults are those of the published weights.

    size: depth, width and kind of convolution, see ``SCALES``. flavour: whose arithmetic,
    Megvii's (the authors') or mmdet's; the networks are equal, training targets, rounding of
    sizes and the way back to the original picture differ. input_size: (height, width) that test
    pictures are fitted into, multiples of 32; (0, 0) becomes the size's own.
    channel_order, mean, std: of pixel values 0 to 255, see ``with_legacy_input``. pad_value: of
    the border, before they are applied.
    norm: "frozen" keeps the statistics, weights and biases of all batch norms in training.
    object_probability: what classes and objectness say before training.
    sure_below: in training, an anchor that is matched to nothing but scores higher than this
    (product of class and objectness) is not taken for background, nor is one in a box marked
    difficult: where few objects are labelled, it may have found another. 1, as published, takes
    all for background, and difficult boxes for objects.
    kept_classes: how many of the classes, the first ones, are a base's: a cell reports the best of
    them and the best of the others, so that learning new classes takes no cell from old ones.
    score_threshold: least product of class and objectness. nms_iou: overlap above which the
    weaker box of a class goes; of any class where class_agnostic. max_detections: of a picture,
    None for all. blend: how prototypes calibrate scores.
    Raises ``ConfigError`` for values that make no sense.
    """

    class_names: tuple[str, ...] = ()
    size: Size = "s"
    flavour: Flavour = "megvii"
    input_size: tuple[int, int] = PUBLISHED_SIDE
    channel_order: Literal["bgr", "rgb"] = "bgr"
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    pad_value: int = 114
    norm: Literal["batch", "frozen"] = "batch"
    object_probability: float = 0.01
    sure_below: float = 1.0
    kept_classes: int = 0
    score_threshold: float = 0.01
    nms_iou: float = 0.65
    class_agnostic: bool = False
    max_detections: int | None = None
    blend: Blend = Blend()

    def __post_init__(self) -> None:
        if self.size not in SCALES:
            raise ConfigError(
                "no YOLOX of this size",
                field="size",
                got=self.size,
                remedy=suggest(str(self.size), SCALES),
            )
        if self.input_size == PUBLISHED_SIDE:
            object.__setattr__(self, "input_size", (self.scale.side, self.scale.side))
        self._require_sense()

    @property
    def scale(self) -> Scale:
        """Depth, width and kind of convolution of the size."""
        return SCALES[self.size]

    @property
    def channels(self) -> int:
        """Channels of each of the three maps that the head sees."""
        return int(256 * self.scale.width)

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    def _require_sense(self) -> None:
        coarsest, known = STRIDES[-1], self.class_count or math.inf
        rules = (
            ("flavour", self.flavour in ("megvii", "mmdet"), "megvii or mmdet"),
            (
                "input_size",
                all(side > 0 and side % coarsest == 0 for side in self.input_size),
                f"multiples of {coarsest}",
            ),
            ("std", all(value > 0 for value in self.std), "numbers above 0"),
            ("object_probability", 0 < self.object_probability < 1, "between 0 and 1"),
            ("sure_below", 0 <= self.sure_below <= 1, "0 to 1"),
            ("nms_iou", 0 <= self.nms_iou <= 1, "0 to 1"),
            ("score_threshold", 0 <= self.score_threshold <= 1, "0 to 1"),
            ("kept_classes", 0 <= self.kept_classes < known, "fewer than there are classes"),
            ("max_detections", self.max_detections != 0, "1 or more, or none"),
        )
        for field, holds, expected in rules:
            if not holds:
                raise ConfigError(
                    "a setting of YOLOX that makes no sense",
                    field=field,
                    got=getattr(self, field),
                    expected=expected,
                )


def with_legacy_input(config: YOLOXConfig) -> YOLOXConfig:
    """Return ``config`` with the pixel values of Megvii's first release (0.1.0): normalised RGB."""
    return replace(
        config,
        channel_order="rgb",
        mean=(0.485 * 255, 0.456 * 255, 0.406 * 255),
        std=(0.229 * 255, 0.224 * 255, 0.225 * 255),
    )
