"""A whole detector as one function of tensors."""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor, nn

INPUT_NAMES = ("images", "sizes")
OUTPUT_NAMES = ("boxes", "scores", "labels", "counts")


class ExportedGraph(nn.Module):
    """Both stages of ``model`` and its suppression of doubles."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return boxes ``[B, D, 4]``, scores ``[B, D]``, labels ``[B, D]``, counts ``[B]``.

        images: ``[B, 3, H, W]`` float32, normalised and padded. sizes: ``[B, 2]`` int64, height
        and width before padding. Boxes are in pixels of the prepared pictures; rows after the
        first ``counts`` are padding.
        """
        detector = cast(Any, self.model)
        found = detector.detect(detector(images, sizes), sizes)
        return found.boxes, found.scores, found.labels, found.counts
