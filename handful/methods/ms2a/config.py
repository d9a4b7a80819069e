"""What defines an MS2A detector: a YOLOX of mmdet's flavour, and what memory does to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handful.errors import ConfigError, suggest
from handful.methods.yolox.config import STRIDES, Flavour, Size, YOLOXConfig

MapSize = tuple[int, int]
"""Height and width in cells."""

SOURCE, TARGET = "source", "target"
LIKE_THE_INPUT: tuple[MapSize, ...] = ()
"""Stands for the sizes that maps have on a picture of the config's input size."""


@dataclass(frozen=True)
class LossWeights:
    """What each loss counts in the sum; the published configuration."""

    boxes: float = 2.0
    objectness: float = 1.0
    classes: float = 1.0
    foreground: float = 2.0
    l1: float = 1.0


@dataclass(frozen=True)
class MS2AConfig(YOLOXConfig):
    """The settings of one detector; the defaults are those of the published weights.

    Fields of ``YOLOXConfig`` mean what they mean there. domains: names, at least one; position =
    domain id. default_domain: what a picture is taken for if nothing is said. clusters: K, the
    patterns a domain remembers of each level. memory_sizes: of these patterns, fine to coarse;
    empty becomes those of the maps of ``input_size``. heads, layers, window, key_windows,
    dropout: of the attention; mlp_ratio: width of its perceptron over the channels.
    foreground_channels: of the branch that learns where anything is. foreground_canvas: which
    picture the boxes are drawn on for it: "nominal", one of ``input_size`` also where training
    shows others, which misplaces them as the original does, or "input", the one shown.
    center_radius: of SimOTA, in strides. losses: weights. suppression: "soft", by linear decay
    from ``nms_iou`` on down to ``least_score``, or "hard".
    """

    size: Size = "x"
    flavour: Flavour = "mmdet"
    nms_iou: float = 0.5
    domains: tuple[str, ...] = (SOURCE, TARGET)
    default_domain: str = TARGET
    clusters: int = 100
    memory_sizes: tuple[MapSize, ...] = LIKE_THE_INPUT
    heads: int = 8
    layers: int = 2
    mlp_ratio: float = 1.6
    window: MapSize = (10, 10)
    key_windows: tuple[MapSize, ...] = ((10, 10), (5, 5), (2, 2))
    dropout: float = 0.1
    foreground_channels: int = 64
    foreground_canvas: Literal["nominal", "input"] = "nominal"
    center_radius: float = 2.5
    losses: LossWeights = LossWeights()
    suppression: Literal["soft", "hard"] = "soft"
    least_score: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.memory_sizes:
            height, width = self.input_size
            sizes = tuple((height // stride, width // stride) for stride in STRIDES)
            object.__setattr__(self, "memory_sizes", sizes)
        self.domain_number(self.default_domain)
        rules = (
            ("domains", len(set(self.domains)) == len(self.domains), "a name a domain"),
            ("clusters", self.clusters >= 1, "1 or more"),
            ("memory_sizes", len(self.memory_sizes) == len(STRIDES), f"{len(STRIDES)} sizes"),
            ("sure_below", self.sure_below == 1, "1: its losses take all for background"),
            ("heads", self.channels % max(self.heads, 1) == 0, f"a divisor of {self.channels}"),
        )
        for field, holds, expected in rules:
            if not holds:
                raise ConfigError(
                    "a setting of MS2A that makes no sense",
                    field=field,
                    got=getattr(self, field),
                    expected=expected,
                )

    @property
    def hidden(self) -> int:
        """Channels inside the attention's perceptron."""
        return int(self.channels * self.mlp_ratio)

    def domain_number(self, name: str) -> int:
        """Return the id of the domain ``name``; raises ``ConfigError`` with the nearest name."""
        if name not in self.domains:
            raise ConfigError(
                "no domain of this name",
                field="domain",
                got=name,
                remedy=suggest(name, self.domains),
            )
        return self.domains.index(name)
