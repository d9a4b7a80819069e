"""What the training loop must know about a method: its model, its batches, its losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

from handful.recipes.settings import TrainSettings
from handful.train.optim import parameter_groups
from handful.train.schedule import learning_rate_factor


class Task(ABC):
    """Something to train. A method fills in ``model``, ``batches`` and ``losses``.

    model: what learns. metric: the key in ``evaluate``'s answer that says which weights are
    best, larger being better; None if there is none.
    """

    model: nn.Module
    metric: str | None = None

    @abstractmethod
    def batches(self, start: int) -> Iterator[Any]:
        """Yield what comes from step ``start`` on, ``TrainSettings.accumulate`` batches a step.

        They must be a function of the step alone, or training cannot be resumed exactly. Each
        process yields its own part.
        """

    @abstractmethod
    def losses(self, model: nn.Module, batch: Any) -> Mapping[str, Tensor]:
        """Return the named losses of ``batch``; ``total`` is minimised.

        Each is normalised over this batch alone: the loop takes the mean over the parts of a
        step and over processes. Torch's own chance is seeded by step and part before each call.
        """

    def start_training(self) -> None:
        """Put the model into its training mode; called at the start and after each evaluation."""
        self.model.train()

    def evaluate(self, model: nn.Module) -> Mapping[str, float]:
        """Return the figures of ``model``, in evaluation mode; nothing if it cannot be measured."""
        return {}

    def groups(self, settings: TrainSettings) -> list[dict[str, Any]]:
        """Return what the optimizer is built over."""
        return parameter_groups(self.model, settings)

    def learning_rate_factor(self, step: int, settings: TrainSettings) -> float:
        """Return what the learning rate is multiplied by in update ``step``, counted from 0."""
        return learning_rate_factor(step, settings)

    def describe(self, batch: Any) -> str:
        """Name the pictures of ``batch``, for a message about a step that went wrong."""
        pictures = getattr(batch, "pictures", None)
        return "a batch" if pictures is None else f"pictures {', '.join(map(str, pictures))}"


class Parcel:
    """A batch as it travels through wrappers that would take apart anything they know."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch


class LossStep(nn.Module):
    """The model and its losses as one forward pass, so that wrappers see all of a step."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.model = task.model
        self.losses = task.losses

    def forward(self, parcel: Parcel) -> dict[str, Tensor]:
        """Return the losses of the parcel's batch."""
        return dict(self.losses(self.model, parcel.batch))
