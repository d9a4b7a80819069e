"""MPSR's second stage: classes and boxes look at a region apart (arXiv 2007.09384, section 4.3)."""

from __future__ import annotations

from torch import Tensor, nn

from handful.nn.box_head import BOX_SPREAD, DenseHead, linear_layer


class TwoBranchHead(nn.Module):
    """Two branches on all cells of a region, so that crops train the one of classes alone.

    inputs: cells times channels of a region. spread: of the classifier's first weights.
    torch_start: see ``DenseHead``. The background is the last class; all share one box.
    """

    def __init__(
        self, inputs: int, channels: int, class_count: int, *, spread: float, torch_start: bool
    ) -> None:
        super().__init__()
        self.class_branch = DenseHead(inputs, channels, rectified=False, torch_start=torch_start)
        self.box_branch = DenseHead(inputs, channels, torch_start=torch_start)
        self.classifier = linear_layer(channels, class_count + 1, spread=spread)
        self.regressor = linear_layer(channels, 4, spread=BOX_SPREAD)

    def forward(self, pooled: Tensor, objects: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return logits ``[M, K + 1]`` and offsets ``[M, 4]`` of ``pooled`` ``[M, C, s, s]``.

        objects: rows ``[N]`` whose offsets are asked for, those of others are 0; None for all.
        """
        logits = self.class_logits(pooled)
        if objects is None:
            return logits, self.offsets(pooled)
        offsets = self.offsets(pooled[objects])
        return logits, offsets.new_zeros(len(pooled), 4).index_copy(0, objects, offsets)

    def offsets(self, pooled: Tensor) -> Tensor:
        """Return offsets ``[M, 4]`` of ``pooled`` ``[M, C, s, s]``."""
        return self.regressor(self.box_branch(pooled))

    def class_logits(self, pooled: Tensor) -> Tensor:
        """Return logits ``[M, K + 1]`` of ``pooled`` ``[M, C, s, s]``."""
        return self.classifier(self.class_branch(pooled))
