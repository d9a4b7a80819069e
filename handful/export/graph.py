"""A whole detector as one function of tensors."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

from handful.methods.detector import TrainableDetector
from handful.nn.found import Candidates, Found

INPUT_NAMES = ("images", "sizes")
FOUND_NAMES = tuple(name for name in Found._fields if name != "masks")
"""What a graph gives of a detection; masks stay behind."""


def output_names(*, suppressed: bool) -> tuple[str, ...]:
    """Return what a graph gives, with and without the suppression of doubles."""
    return FOUND_NAMES if suppressed else Candidates._fields


class ExportedGraph(nn.Module):
    """All of ``model`` and, where ``suppressed``, its suppression of doubles."""

    def __init__(self, model: nn.Module, *, suppressed: bool = True) -> None:
        super().__init__()
        self.model = model
        self.suppressed = suppressed

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
        """Return the tensors of ``Found``, or those of ``Candidates`` if nothing is suppressed.

        images: ``[B, 3, H, W]`` float32, normalised and padded. sizes: ``[B, 2]`` int64, height
        and width before padding. Boxes are in pixels of the prepared pictures.
        """
        detector = cast(TrainableDetector, self.model)
        outputs = detector(images, sizes)
        if not self.suppressed:
            return tuple(detector.candidates(outputs))
        found = detector.detect(outputs, sizes)
        return tuple(getattr(found, name) for name in FOUND_NAMES)
