"""What a training run is told beside its recipe, and what it gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn

from handful.api.models import torch_device
from handful.api.showing import show_run
from handful.api.trained import save_detector
from handful.errors import ConfigError
from handful.methods.detector import TrainableDetector
from handful.recipes.registry import recipe_document
from handful.reporter import Reporter, SilentReporter
from handful.train.run import RunFolder


@dataclass(frozen=True)
class Order:
    """How the recipe known as ``name`` is to be run.

    out: the folder of the run. base, pcb: weights that it starts from and calibrates with.
    """

    name: str
    out: Path
    base: Path | str | None = None
    pcb: Path | str | None = None
    overwrite: bool = False
    device: str | None = None
    reporter: Reporter = field(default_factory=SilentReporter)

    @property
    def where(self) -> torch.device:
        """The device to work on."""
        return torch_device(self.device)

    def without_pcb(self) -> Order:
        """Return the order; raises ``ConfigError`` if it names weights that would go unused."""
        if self.pcb is not None:
            raise ConfigError(
                "this recipe calibrates with no second network",
                field="pcb",
                got=self.pcb,
                expected="none",
            )
        return self

    def without_weights(self) -> Order:
        """Return the order; raises ``ConfigError`` if it names any weights."""
        if self.base is not None:
            raise ConfigError(
                "this recipe starts from the weights of the installed package",
                field="from",
                got=self.base,
                expected="none",
            )
        return self.without_pcb()

    def open_run(self, recipe: object, *, dtype: torch.dtype | None = None) -> RunFolder:
        """Open the run's folder; the weights of detectors are kept there in ``dtype``."""
        return RunFolder.open(
            self.out,
            recipe_document(self.name, recipe),
            overwrite=self.overwrite,
            refresh=show_run,
            write_weights=partial(_write, source=f"handful train {self.name}", dtype=dtype),
        )


@dataclass(frozen=True)
class Trained:
    """What a run gives.

    folder: of the run. weights: what ``load`` takes. results: figures, 0 to 1, where something
    was to be found.
    """

    folder: Path
    weights: Path
    results: Mapping[str, float]


def _write(model: nn.Module, path: Path, *, source: str, dtype: torch.dtype | None) -> None:
    save_detector(cast(TrainableDetector, model), path, source=source, dtype=dtype)
