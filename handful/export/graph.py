"""A whole detector as one function of tensors."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from handful.export.card import GraphCard
from handful.methods.detector import TrainableDetector
from handful.nn.found import Candidates, Found

INPUT_NAMES = ("images", "sizes")
MASKS = "masks"


def output_names(card: GraphCard) -> tuple[str, ...]:
    """Return what the graph of ``card`` gives: detections, or the boxes before suppression."""
    if not card.suppressed:
        return Candidates._fields
    return tuple(name for name in Found._fields if card.masks or name != MASKS)


class ExportedGraph(nn.Module):
    """All of ``model`` that the graph of ``card`` holds."""

    def __init__(self, model: nn.Module, card: GraphCard) -> None:
        super().__init__()
        self.model = model
        self.suppressed = card.suppressed
        self.names = output_names(card)

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors of ``Found``, or those of ``Candidates`` if nothing is suppressed.

        images: ``[B, 3, H, W]`` float32, normalised and padded. sizes: ``[B, 2]`` int64, height
        and width before padding. Boxes are in pixels of the prepared pictures.
        """
        detector = cast(TrainableDetector, self.model)
        outputs = detector(images, sizes)
        given = detector.detect(outputs, sizes) if self.suppressed else detector.candidates(outputs)
        return tuple(getattr(given, name) for name in self.names)
