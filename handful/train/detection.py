"""Training a detector on a stream of pictures: what every method with boxes shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from handful.data.dataset import Dataset
from handful.data.loader import TrainingStream
from handful.data.staging import Stream
from handful.data.transforms import InputRule, Transform
from handful.recipes.settings import TrainSettings
from handful.structures import Batch
from handful.train.runtime import process_count, process_rank
from handful.train.task import Task

Measure = Callable[[nn.Module], Mapping[str, float]]


def training_stream(
    dataset: Dataset, transform: Transform, rule: InputRule, *, settings: TrainSettings
) -> TrainingStream:
    """Return this process's part of what a run by ``settings`` learns from."""
    return TrainingStream.of(
        settings, dataset, transform, rule, rank=process_rank(), world=process_count()
    )


class DetectionTask(Task):
    """Trains ``model``, whose ``forward`` takes images and sizes, on ``stream``.

    measure: figures of the model on pictures to be tested on, or None; ``metric`` names the one
    by which the best weights are known.
    """

    def __init__(
        self,
        model: Any,
        stream: Stream,
        *,
        measure: Measure | None = None,
        metric: str | None = None,
    ) -> None:
        self.model = model
        self.stream = stream
        self.measure = measure
        self.metric = metric if measure else None

    def batches(self, start: int) -> Iterator[Batch]:
        """Yield what the stream holds from step ``start`` on."""
        return self.stream.batches(start)

    def losses(self, model: Any, batch: Batch) -> Mapping[str, Tensor]:
        """Return the model's losses on ``batch``.

        A model is told of domains, crops, progress or a closing where a batch has them.
        """
        extras = [one for one in (batch.domains, batch.crops) if one is not None]
        outputs = model(batch.images, batch.sizes, *extras)
        told: dict[str, Any] = {} if batch.progress is None else {"progress": batch.progress}
        if batch.closing:
            told["closing"] = True
        return model.loss(outputs, batch.targets, **told)

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Return the figures of ``model``, or nothing if there is nothing to test on."""
        return self.measure(model) if self.measure else {}

    def describe(self, batch: Batch) -> str:
        """Name the files of ``batch``."""
        pictures = self.stream.dataset.pictures
        return ", ".join(pictures[position].file_name for position in batch.pictures)
