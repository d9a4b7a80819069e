"""What defines an O2F detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handful.errors import ConfigError
from handful.memory.calibration import Blend

STRIDES = (8, 16, 32, 64, 128)
"""Of the maps that objects are found on."""

TRUNK_STRIDES = (8, 16, 32)
"""Of the trunk's maps that they are made of."""

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@dataclass(frozen=True)
class O2FConfig:
    """The settings of one detector; the defaults are those published for boxes on COCO.

    trunk: "resnet50", "resnet101", "swin_t", "efficientnet_lite0" or any of timm's. masks:
    whether objects get masks as well (CondInst). norm: of the trunk, "held" learns weights and
    biases while the statistics stay, "frozen" learns nothing. freeze_at: parts of the trunk,
    stem first, that do not train. channels: of maps and towers; tower_depth: layers of a tower;
    quality_channels: of the tower that says how good a point is; group_count: of group norms.
    classifier: "linear", as published, or "cosine", which compares directions: what a point and its
    neighbours say with one learnt direction a class, times ``temperature``.
    object_probability: of a class at a point, and of its quality, before training.
    channel_order, mean, std: of pixel values 0 to 255. test_size: (short, long) side that test
    pictures are fitted into.
    points_per_object: how many points learn an object at most. certain_points: how many of them are
    objects for certain, one as published; as many as learn make it a one-to-many detector, which
    needs ``nms_iou``. radius: strides around the middle
    of an object that these lie in. alpha: how much overlap weighs beside probability in
    choosing them. soft_weight: of all of them but the best; their degree of being an object
    falls from ``soft_first`` to ``soft_last`` times in training. box_weight: of the loss of
    boxes.
    score_threshold: least product of class and quality (with masks: least class probability).
    candidates_per_level: that are looked at. nms_iou: overlap above which the weaker box of a
    class goes; None, as published, suppresses nothing. max_detections: of a picture.
    Raises ``ConfigError`` for values that make no sense.
    """

    class_names: tuple[str, ...] = ()
    trunk: str = "resnet50"
    masks: bool = False
    norm: Literal["held", "frozen"] = "held"
    freeze_at: int = 2
    channels: int = 256
    tower_depth: int = 4
    quality_channels: int = 64
    group_count: int = 32
    classifier: Literal["linear", "cosine"] = "linear"
    temperature: float = 20.0
    object_probability: float = 0.01
    channel_order: Literal["bgr", "rgb"] = "rgb"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    test_size: tuple[int, int] = (800, 1333)
    points_per_object: int = 7
    certain_points: int = 1
    radius: float = 1.5
    alpha: float = 0.8
    soft_weight: float = 0.4
    soft_first: float = 0.6
    soft_last: float = 0.2
    box_weight: float = 2.0
    score_threshold: float = 0.05
    candidates_per_level: int = 1000
    nms_iou: float | None = None
    max_detections: int = 100
    blend: Blend = Blend()

    def __post_init__(self) -> None:
        # A map of one cell has nothing to normalise by in a group of one channel.
        several = f"a multiple of group_count {self.group_count}, not {self.group_count} itself"
        rules = (
            ("group_count", self.group_count >= 1, "1 or more"),
            ("norm", self.norm in ("held", "frozen"), "held or frozen"),
            ("freeze_at", self.freeze_at >= 0, "0 or more"),
            ("channels", self._fills_groups(self.channels), several),
            ("tower_depth", self.tower_depth >= 1, "1 or more"),
            ("quality_channels", self._fills_groups(self.quality_channels), several),
            ("classifier", self.classifier in ("linear", "cosine"), "linear or cosine"),
            ("temperature", self.temperature > 0, "more than 0"),
            ("object_probability", 0 < self.object_probability < 1, "between 0 and 1"),
            ("std", all(value > 0 for value in self.std), "numbers above 0"),
            ("test_size", min(self.test_size) >= 1, "1 pixel or more each way"),
            ("points_per_object", self.points_per_object >= 1, "1 or more"),
            ("certain_points", self.certain_points >= 1, "1 or more"),
            ("radius", self.radius > 0, "more than 0"),
            ("alpha", 0 <= self.alpha <= 1, "0 to 1"),
            ("soft_weight", self.soft_weight >= 0, "0 or more"),
            ("soft_first", 0 <= self.soft_first <= 1, "0 to 1"),
            ("soft_last", 0 <= self.soft_last <= 1, "0 to 1"),
            ("box_weight", self.box_weight >= 0, "0 or more"),
            ("score_threshold", 0 <= self.score_threshold <= 1, "0 to 1"),
            ("candidates_per_level", self.candidates_per_level >= 1, "1 or more"),
            ("nms_iou", self.nms_iou is None or 0 <= self.nms_iou <= 1, "0 to 1, or none"),
            ("max_detections", self.max_detections >= 1, "1 or more"),
        )
        for field, holds, expected in rules:
            if not holds:
                raise ConfigError(
                    "a setting of O2F that makes no sense",
                    field=field,
                    got=getattr(self, field),
                    expected=expected,
                )

    def _fills_groups(self, channels: int) -> bool:
        return channels > self.group_count and not channels % self.group_count

    @property
    def class_count(self) -> int:
        """Number of classes."""
        return len(self.class_names)
