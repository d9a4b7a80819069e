"""From pooled regions to class logits and box offsets."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASS_SPREAD, BOX_SPREAD = 0.01, 0.001
LENGTH_EPSILON = 1e-5


class StageHead(nn.Module):
    """The last stage of a trunk, then the mean over cells."""

    def __init__(self, stage: nn.Sequential, channels: int) -> None:
        super().__init__()
        self.stage = stage
        self.channels = channels

    def forward(self, pooled: Tensor) -> Tensor:
        """Return vectors ``[M, C']`` of ``pooled`` ``[M, C, s, s]``."""
        return self.stage(pooled).mean(dim=(2, 3))


class DenseHead(nn.Module):
    """Two fully connected layers on all cells of a region.

    rectified: whether what comes out cannot be negative. torch_start: whether weights and
    biases start as torch's do, which is smaller by the root of three.
    """

    def __init__(
        self, inputs: int, channels: int, *, rectified: bool = True, torch_start: bool = False
    ) -> None:
        super().__init__()
        self.channels = channels
        self.rectified = rectified
        self.first = nn.Linear(inputs, channels)
        self.second = nn.Linear(channels, channels)
        if not torch_start:
            for layer in (self.first, self.second):
                nn.init.kaiming_uniform_(layer.weight, a=1)
                nn.init.zeros_(layer.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """Return vectors ``[M, C']`` of ``pooled`` ``[M, C, s, s]``."""
        vectors = self.second(torch.relu_(self.first(pooled.flatten(1))))
        return torch.relu_(vectors) if self.rectified else vectors


class CosineClassifier(nn.Module):
    """Scaled cosines with one stored direction a class (TFA, arXiv 2003.06957, equation 3).

    As in its code, training overwrites the stored rows by unit rows before use, and no
    gradient flows through that. scale: of the cosines; ``learn_scale`` trains it.
    """

    def __init__(
        self, inputs: int, outputs: int, *, scale: float, learn_scale: bool = False
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        nn.init.normal_(self.weight, std=CLASS_SPREAD)
        start = torch.full((1,), scale)
        self.scale = nn.Parameter(start) if learn_scale else scale

    def forward(self, vectors: Tensor) -> Tensor:
        """Return logits ``[M, outputs]`` of ``vectors`` ``[M, inputs]``."""
        with torch.no_grad():
            unit = _unit_rows(self.weight)
            if self.training:
                self.weight.copy_(unit)
        weight = self.weight if self.training else unit
        return self.scale * F.linear(_unit_rows(vectors), weight)


class BoxPredictor(nn.Module):
    """A classifier with background last, and offsets for each class."""

    def __init__(self, inputs: int, class_count: int, classifier: nn.Module, dropout: float):
        super().__init__()
        self.dropout = dropout
        self.classifier = classifier
        self.regressor = linear_layer(inputs, 4 * class_count, spread=BOX_SPREAD)

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits ``[M, K + 1]`` and offsets ``[M, 4 K]``; dropout acts on logits only."""
        offsets = self.regressor(vectors)
        if self.dropout:
            vectors = F.dropout(vectors, self.dropout, self.training)
        return self.classifier(vectors), offsets


def linear_layer(inputs: int, outputs: int, *, spread: float = CLASS_SPREAD) -> nn.Linear:
    """Return a linear layer whose weights start near zero, ``spread`` their deviation."""
    layer = nn.Linear(inputs, outputs)
    nn.init.normal_(layer.weight, std=spread)
    nn.init.zeros_(layer.bias)
    return layer


def _unit_rows(rows: Tensor) -> Tensor:
    return rows / (rows.norm(dim=1, keepdim=True) + LENGTH_EPSILON)
