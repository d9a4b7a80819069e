"""How a picture is searched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from handful.errors import ConfigError

if TYPE_CHECKING:
    from handful.methods.os2d import OS2DConfig

ViewName = Literal["", "rotation90", "horflip", "horflip_rotation90"]

DEFAULT_SCORE = 0.45
"""What the authors' own service asks of a detection (scores of hits are mostly 0.4 to 0.6);
taken where a model does not name its own."""

KEPT_PER_CLASS = 100
"""Detections a class and picture that COCO's metrics look at."""


@dataclass(frozen=True)
class SearchSettings:
    """Everything that decides how one picture is searched for the remembered classes.

    scales: of the picture's levels, relative to its size after ``image_size``. image_size:
    resize the picture to the area of this square first; None leaves it as it comes.
    views: turned or mirrored copies of every example that count as the same class.
    score: detections must exceed it. nms_iou: overlapping more than this, boxes of a class
    compete. rivalry: how much a box loses to a stronger one of another class at the same place,
    times what it lacks; 0 is OS2D's own rule. across_classes: in the end boxes of all classes
    compete. max_detections, max_per_class: at most so many, the strongest, a picture and a
    class; None keeps all.
    max_bytes: working memory of matching; classes are matched in chunks that fit, though
    never fewer than one at a time. max_level_pixels: where a level would be larger, all levels
    shrink together until it is not: the trunk needs about 250 bytes a pixel, with ResNet-50 as
    with os2d-lite. smallest_example: shortest side of an example, in pixels.
    """

    scales: tuple[float, ...]
    image_size: int | None = None
    views: ViewName = ""
    score: float = DEFAULT_SCORE
    nms_iou: float = 0.3
    across_classes: bool = False
    rivalry: float = 0.0
    max_detections: int | None = 100
    max_per_class: int | None = None
    max_bytes: int = 256 * 2**20
    max_level_pixels: int = 4_000_000
    smallest_example: int = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "scales", tuple(self.scales))
        if not self.scales or not all(0 < scale < math.inf for scale in self.scales):
            raise _refused("scales", self.scales, "one or more positive numbers")
        if math.isnan(self.score):
            raise _refused("score", self.score, "a number")
        if not 0 <= self.rivalry < math.inf:
            raise _refused("rivalry", self.rivalry, "0 or more")
        if not 0 <= self.nms_iou <= 1:
            raise _refused("nms_iou", self.nms_iou, "0 to 1")
        for name in ("image_size", "max_detections", "max_per_class"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise _refused(name, value, "1 or more")
        for name in ("max_bytes", "max_level_pixels", "smallest_example"):
            if getattr(self, name) < 1:
                raise _refused(name, getattr(self, name), "1 or more")

    @classmethod
    def of(cls, config: OS2DConfig) -> SearchSettings:
        """Return the settings that a network's ``config`` asks for."""
        score = config.score_threshold
        return cls(
            scales=config.pyramid,
            image_size=config.image_size,
            score=score if math.isfinite(score) else DEFAULT_SCORE,
            nms_iou=config.nms_iou,
            rivalry=config.rivalry,
        )


@dataclass(frozen=True)
class SearchOptions:
    """What a user changes of a model's settings; None leaves the model's own."""

    score: float | None = None
    """Detections must exceed it (mean cosine, -1 to 1)."""
    scales: tuple[float, ...] | None = None
    """Sizes at which a picture is searched, relative to its own."""
    image_size: int | None = None
    """Resize pictures to the area of a square of this side first."""
    views: Literal["rotation90", "horflip", "horflip_rotation90"] | None = None
    """Look for turned or mirrored objects too."""
    nms_iou: float | None = None
    """How much the boxes of one class may overlap."""
    rivalry: float | None = None
    """What a box loses to a stronger one of another class at its place, times what it lacks."""
    best_class_only: bool = False
    """Where boxes of several classes overlap, keep the strongest."""
    max_level_pixels: int | None = None
    """Pictures are shrunk until no searched size has more pixels."""

    def over(self, settings: SearchSettings) -> SearchSettings:
        """Return ``settings`` with everything that is given here changed."""
        changes = self.given()
        across = bool(changes.pop("best_class_only", settings.across_classes))
        return replace(settings, across_classes=across, **changes)

    def given(self) -> dict[str, Any]:
        """Return what is changed, by name."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: value for k, value in own.items() if value is not None and value is not False}


def _refused(field: str, got: object, expected: str) -> ConfigError:
    shown = ", ".join(map(str, got)) if isinstance(got, Sequence) else got
    return ConfigError(
        "a search setting makes no sense", field=field, got=shown or "nothing", expected=expected
    )
