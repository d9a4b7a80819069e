"""Classes by direction: for few boxes, where lengths say more about the picture than the class."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIDE = 3
SMALLEST_LENGTH = 1e-6


class CosineClassifier(nn.Module):
    """Compares the 3x3 surroundings of every cell with a direction for each class.

    Stands where a 3x3 convolution would: weight ``[K, C, 3, 3]``, bias ``[K]``. A logit is the
    cosine times ``temperature``, plus the bias, for classes are not exclusive. Not from the paper
    of O2F, but the classifier of few-shot detectors (arXiv 2003.06957), made dense.
    """

    def __init__(self, channels: int, class_count: int, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature
        self.weight = nn.Parameter(torch.randn(class_count, channels, SIDE, SIDE))
        self.bias = nn.Parameter(torch.zeros(class_count))

    def forward(self, features: Tensor) -> Tensor:
        """Return logits ``[B, K, h, w]`` of ``features`` ``[B, C, h, w]``."""
        # Squares of many channels leave the range of half precision, in which autocast convolves.
        squares = features.float().square().sum(dim=1, keepdim=True)
        sums = F.avg_pool2d(squares, SIDE, stride=1, padding=SIDE // 2, divisor_override=1)
        lengths = sums.sqrt()
        directions = F.normalize(self.weight.float().flatten(1), dim=1).view_as(self.weight)
        products = F.conv2d(features, directions.to(features), padding=SIDE // 2)
        cosines = products / lengths.clamp(min=SMALLEST_LENGTH)
        return (self.temperature * cosines + self.bias[:, None, None]).to(features)
