"""What a detector finds, as tensors alone: the form that an export keeps."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Candidates(NamedTuple):
    """All boxes of B pictures, doubles among them.

    boxes: ``[B, A, 4]`` in pixels of the prepared picture. scores: ``[B, A, C]``, of C classes.
    """

    boxes: Tensor
    scores: Tensor


class Found(NamedTuple):
    """Detections of B pictures by falling score, padded with zeros; ``counts`` ``[B]`` are real.

    boxes: ``[B, D, 4]`` in pixels of the prepared picture. scores, labels: ``[B, D]``. masks:
    ``[B, D, h, w]``, 0 to 1, of every fourth pixel of the padded picture, or None.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    counts: Tensor
    masks: Tensor | None = None
