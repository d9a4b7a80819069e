"""What an exported graph says about itself: enough to prepare its input and read its output."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from handful.data.transforms import InputRule, ShortSide
from handful.errors import ConfigError, ExportError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.pictures import input_rule
from handful.recipes.tree import from_dict, to_dict

CARD_KEY = "handful"
"""Of the entry in the file's metadata that holds the card, as JSON."""


@dataclass(frozen=True)
class GraphCard:
    """The card of one graph.

    class_names: position = label. channel_order, mean, std: of the pixels it wants, 0 to 255.
    divisor: what sides of a batch are multiples of. short_side, longest_side: how large it
    wants its pictures. pcb: whether its scores are
    meant to be calibrated with prototypes afterwards.
    """

    method: str
    class_names: tuple[str, ...]
    channel_order: Literal["bgr", "rgb"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    short_side: int
    longest_side: int
    divisor: int | None = None
    pcb: bool = False

    @classmethod
    def of(cls, model: nn.Module) -> GraphCard:
        """Return the card of ``model``; raises ``ExportError`` for what cannot be exported."""
        config = getattr(model, "config", None)
        if not isinstance(config, DeFRCNConfig):
            raise ExportError(
                "this model cannot be exported",
                got=type(model).__name__,
                expected="a trained two-stage detector",
                remedy="Train one with 'handful learn' or 'handful train'",
            )
        return cls(
            method="defrcn",
            class_names=config.class_names,
            channel_order=config.channel_order,
            mean=config.mean,
            std=config.std,
            short_side=config.test_short_side,
            longest_side=config.longest_side,
            divisor=input_rule(config).divisor,
            pcb=config.pcb,
        )

    @classmethod
    def from_text(cls, text: str, *, file: Path | str) -> GraphCard:
        """Read a card; raises ``ExportError`` naming ``file`` if it is none."""
        try:
            return from_dict(cls, json.loads(text))
        except (ValueError, RecursionError, ConfigError) as error:
            raise ExportError(
                "the card in the exported file cannot be read",
                file=file,
                got=str(error),
                remedy="Export the model again",
            ) from error

    def to_text(self) -> str:
        """Return the card as JSON."""
        return json.dumps(to_dict(self), ensure_ascii=False)

    def input_rule(self) -> InputRule:
        """Return what the graph expects of pixel values."""
        return InputRule(
            channel_order=self.channel_order, mean=self.mean, std=self.std, divisor=self.divisor
        )

    def resize(self) -> ShortSide:
        """Return how large pictures are shown to the graph."""
        return ShortSide((self.short_side,), self.longest_side)

    def input_fields(self) -> dict[str, Any]:
        """Return the fields that say what prepared pictures are like."""
        names = ("channel_order", "mean", "std", "short_side", "longest_side", "divisor")
        return {name: getattr(self, name) for name in names}
