"""What an exported graph says about itself: enough to prepare its input and read its output."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from handful.data.transforms import InputRule, TestSize
from handful.data.transforms.resize import scaled_side
from handful.errors import ConfigError, ExportError
from handful.methods.detector import TrainableDetector
from handful.nn.originals import WayBack
from handful.recipes.tree import from_dict, leaves, to_dict

CARD_KEY = "handful"
"""Of the entry in the file's metadata that holds the card, as JSON."""


@dataclass(frozen=True)
class GraphCard:
    """The card of one graph.

    class_names: position = label. pixels: what it wants of pixel values and of padding.
    resize: how large it wants its pictures. way_back: how boxes return to the originals.
    suppressed: whether it drops doubles itself. pcb: whether its scores are meant to be
    calibrated with prototypes afterwards. masks: whether every detection comes with one.
    """

    method: str
    class_names: tuple[str, ...]
    pixels: InputRule
    resize: TestSize
    way_back: WayBack
    suppressed: bool = True
    pcb: bool = False
    masks: bool = False

    @classmethod
    def of(cls, model: nn.Module) -> GraphCard:
        """Return the card of ``model``; raises ``ExportError`` for what cannot be exported."""
        detector = exportable(model)
        return cls(
            method=detector.method,
            class_names=tuple(detector.config.class_names),
            pixels=detector.input_rule(),
            resize=detector.test_resize(),
            way_back=detector.way_back(),
            masks=detector.finds_masks,
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

    def scaled(self, factor: float) -> GraphCard:
        """Return the card of a graph that wants its pictures ``factor`` times as large."""

        def scaled(size: tuple[int, int]) -> tuple[int, int]:
            return scaled_side(size[0], factor), scaled_side(size[1], factor)

        canvas, frame = self.pixels.canvas, self.way_back.frame
        return replace(
            self,
            pixels=replace(
                self.pixels, canvas=scaled(canvas) if isinstance(canvas, tuple) else canvas
            ),
            resize=self.resize.scaled(factor),
            way_back=replace(self.way_back, frame=None if frame is None else scaled(frame)),
        )

    def input_fields(self) -> dict[str, Any]:
        """Return, by name, the values that say what prepared pictures are like."""
        return {
            name: value
            for name, value in leaves(self).items()
            if name.startswith(("pixels.", "resize."))
        }


def exportable(model: nn.Module) -> TrainableDetector:
    """Return ``model``; raises ``ExportError`` if it is no detector that can be exported."""
    if not isinstance(model, TrainableDetector):
        raise ExportError(
            "this model cannot be exported",
            got=type(model).__name__,
            expected="a detector that knows its classes",
            remedy="Train one with 'handful learn' or 'handful train'",
        )
    return model
