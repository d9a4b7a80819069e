"""Does the exported file find what the model finds?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from handful.data.transforms import Sample
from handful.export.card import GraphCard
from handful.export.graph import ExportedGraph
from handful.export.session import OnnxGraph, RawFound, Rows
from handful.structures import Batch

BOX_TOLERANCE, SCORE_TOLERANCE, MASK_TOLERANCE = 0.05, 1e-4, 0.005
"""Pixels, scores, and chances of cells: what two ways to add up the same numbers may differ by."""

PAIRED_WITHIN = 2.0
"""Pixels by which all coordinates of two boxes may differ and still stand for one detection."""

SCALES = (1.0, 0.75)
"""Of the model's own picture size, at which a comparison is made."""


@dataclass(frozen=True)
class Parity:
    """How far the file is from the model.

    box_error: largest difference of a coordinate, pixels of the prepared picture. score_error:
    of a score. detections: how many were compared (boxes, where a graph does not suppress
    doubles), on how many ``pictures``. unpaired: those that only one of the two has. mask_error:
    largest difference of a cell's chance, of detections that both have; None without masks.
    """

    box_error: float
    score_error: float
    detections: int
    unpaired: int
    pictures: int
    mask_error: float | None = None

    @property
    def holds(self) -> bool:
        """Whether both find the same, within the tolerances."""
        return (
            self.unpaired == 0
            and self.box_error <= BOX_TOLERANCE
            and self.score_error <= SCORE_TOLERANCE
            and (self.mask_error is None or self.mask_error <= MASK_TOLERANCE)
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for ``json.dumps``."""
        return {**asdict(self), "holds": self.holds}


def parity(model: nn.Module, path: Path | str | OnnxGraph, batches: Iterable[Batch]) -> Parity:
    """Return how the graph at ``path`` compares with ``model`` on prepared ``batches``."""
    graph = path if isinstance(path, OnnxGraph) else OnnxGraph(path)
    reference = ExportedGraph(model, graph.card)
    device = next(model.parameters()).device
    parts: list[Parity] = []
    for batch in batches:
        with torch.inference_mode():
            expected = reference(batch.images.to(device), batch.sizes.to(device))
        arrays = [one.cpu().numpy() for one in expected]
        got = graph.outputs(batch.images.numpy(), batch.sizes.numpy())
        if graph.card.suppressed:
            parts += compare(RawFound(*arrays), RawFound(*got))
        else:
            parts += compare_candidates(arrays, got)
    mask_errors = [one.mask_error for one in parts if one.mask_error is not None]
    return Parity(
        box_error=_largest([one.box_error for one in parts]),
        score_error=_largest([one.score_error for one in parts]),
        detections=sum(one.detections for one in parts),
        unpaired=sum(one.unpaired for one in parts),
        pictures=len(parts),
        mask_error=_largest(mask_errors) if mask_errors else None,
    )


def compare(expected: RawFound, got: RawFound) -> list[Parity]:
    """Return one comparison a picture; near ties may come in another order."""
    parts = []
    for picture in range(len(expected.counts)):
        one, other = expected.of(picture), got.of(picture)
        ours, theirs = _pairs(one, other)
        boxes = numpy.abs(one.boxes[ours] - other.boxes[theirs])
        scores = numpy.abs(one.scores[ours] - other.scores[theirs])
        parts.append(
            Parity(
                box_error=float(boxes.max(initial=0.0)),
                score_error=float(scores.max(initial=0.0)),
                detections=len(ours),
                unpaired=len(one.boxes) + len(other.boxes) - 2 * len(ours),
                pictures=1,
                mask_error=_mask_error(one.masks, other.masks, pairs=(ours, theirs)),
            )
        )
    return parts


def compare_candidates(
    expected: Sequence[NDArray[Any]], got: Sequence[NDArray[Any]]
) -> list[Parity]:
    """Return one comparison a picture of boxes ``[B, A, 4]`` and scores ``[B, A, C]``, in order."""
    boxes, scores = (numpy.abs(one - other) for one, other in zip(expected, got, strict=True))
    return [
        Parity(
            box_error=float(boxes[picture].max(initial=0.0)),
            score_error=float(scores[picture].max(initial=0.0)),
            detections=boxes.shape[1],
            unpaired=0,
            pictures=1,
        )
        for picture in range(len(boxes))
    ]


def parity_batches(
    card: GraphCard, pictures: Sequence[Image.Image], *, scales: Sequence[float] = SCALES
) -> list[Batch]:
    """Return the first of ``pictures`` alone and all of them together, at each of ``scales``."""
    rng = numpy.random.default_rng(0)
    batches = []
    for scale in scales:
        smaller = card.scaled(scale)
        samples = [smaller.resize(Sample.of(picture), rng) for picture in pictures]
        batches += [smaller.pixels.collate(samples[:1]), smaller.pixels.collate(samples)]
    return batches


def _mask_error(
    one: NDArray[Any] | None,
    other: NDArray[Any] | None,
    *,
    pairs: tuple[NDArray[Any], NDArray[Any]],
) -> float | None:
    if one is None or other is None:
        return None
    # Row by row: all masks of a picture take much memory.
    rows = zip(*pairs, strict=True)
    return _largest([float(numpy.abs(one[a] - other[b]).max()) for a, b in rows])


def _largest(errors: Sequence[float]) -> float:
    """Return the largest, 0 if there is none; not a number if one is not."""
    return float(numpy.array(errors, dtype=numpy.float64).max(initial=0.0))


def _pairs(one: Rows, other: Rows) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the rows of both that stand for one detection: of one class, at one place."""
    distances = numpy.abs(one.boxes[:, None] - other.boxes[None]).max(axis=2, initial=0.0)
    distances[one.labels[:, None] != other.labels[None]] = numpy.inf
    pairs = []
    for row in range(len(distances)):
        column = int(distances[row].argmin()) if distances.shape[1] else 0
        if distances.shape[1] and distances[row, column] <= PAIRED_WITHIN:
            pairs.append((row, column))
            distances[:, column] = numpy.inf
    rows = numpy.array(pairs, dtype=numpy.int64).reshape(-1, 2)
    return rows[:, 0], rows[:, 1]
