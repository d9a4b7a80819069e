"""Training the last layers of a detector on features that are computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, islice
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from handful.data.staging import Stream
from handful.structures import Batch
from handful.train.detection import DetectionTask, Measure


class FeatureDetector(Protocol):
    """A detector whose features come first and do not learn."""

    head: nn.Module

    def features(self, images: Tensor) -> Any:
        """Return what the head sees of ``images``."""
        ...


@dataclass(frozen=True)
class Seen:
    """A batch and what the frozen part of the detector made of it."""

    batch: Batch
    features: Any

    def to(self, device: torch.device | str) -> Seen:
        """Return the same on ``device``."""
        return Seen(self.batch.to(device), tuple(one.to(device) for one in self.features))


class CachedHeadTask(DetectionTask):
    """Trains the head of ``model`` on the features of the first ``views`` steps, over and over.

    They are kept in memory, which grows with ``views`` and the batch alone: a picture of side
    416 takes 0.9 MB with the 64 channels of the smallest YOLOX. parts: batches of a step.
    """

    def __init__(
        self,
        model: Any,
        stream: Stream,
        *,
        views: int,
        parts: int = 1,
        measure: Measure | None = None,
        metric: str | None = None,
    ) -> None:
        super().__init__(model, stream, measure=measure, metric=metric)
        self.detector: FeatureDetector = model
        self.views, self.parts = views, parts
        self._kept: dict[int, list[Seen]] = {}

    def batches(self, start: int) -> Iterator[Any]:
        """Yield batches with their features from step ``start`` on."""
        for step in count(start):
            view = step % self.views
            if view not in self._kept:
                fresh = islice(self.stream.batches(view), self.parts)
                self._kept[view] = [self._look(batch) for batch in fresh]
            yield from self._kept[view]

    def losses(self, model: Any, batch: Any) -> Mapping[str, Tensor]:
        """Return the losses of the head on features that were kept."""
        return model.loss(model.head(batch.features), batch.batch.targets)

    def describe(self, batch: Any) -> str:
        """Name the files of ``batch``."""
        return super().describe(batch.batch)

    def _look(self, batch: Batch) -> Seen:
        device = next(self.detector.head.parameters()).device
        with torch.no_grad():
            features = self.detector.features(batch.images.to(device))
        return Seen(batch, tuple(one.detach() for one in features))
