"""Everything a training run needs to go on exactly where it stopped, in one file."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch

from handful.errors import WeightsError
from handful.files import replacing
from handful.train.progress import Progress
from handful.train.writing import explained_writing


class Stateful(Protocol):
    """A part of training that can be saved: the model, the optimizer, the average, precision."""

    def state_dict(self) -> Any:
        """Return its state."""

    def load_state_dict(self, state: Any, /) -> Any:
        """Take a state back."""


def save_checkpoint(path: Path, parts: Mapping[str, Stateful], progress: Progress) -> None:
    """Write all ``parts`` and ``progress``, all or nothing.

    Raises ``DataError`` if the file cannot be written; the one that was there stays.
    """
    state = {name: part.state_dict() for name, part in parts.items()}
    with explained_writing(path), replacing(path) as temporary:
        torch.save({**state, "progress": asdict(progress)}, temporary)


def load_checkpoint(path: Path, parts: Mapping[str, Stateful]) -> Progress:
    """Put ``parts`` back as saved and return where the run stood.

    Raises ``WeightsError`` if the file is damaged or of another model.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        progress = Progress(**state["progress"])
        for name, part in parts.items():
            part.load_state_dict(state[name])
        return progress
    except (
        OSError,
        RuntimeError,
        KeyError,
        TypeError,
        ValueError,
        EOFError,
        pickle.UnpicklingError,
    ) as error:
        raise WeightsError(
            "cannot resume from this checkpoint",
            file=path,
            got=str(error).splitlines()[0] if str(error) else type(error).__name__,
            remedy="Remove it to start again, or give the settings it was made with",
        ) from error
