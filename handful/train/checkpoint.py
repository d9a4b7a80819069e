"""Everything a training run needs to go on exactly where it stopped, in one file."""

from __future__ import annotations

import pickle
from pathlib import Path

import torch
from torch import nn
from torch.optim import Optimizer

from handful.errors import WeightsError
from handful.files import replacing


def save_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer, *, step: int) -> None:
    """Write ``model``, ``optimizer``, the state of chance and the next ``step``, all or nothing."""
    state = {
        "step": step,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "cuda_random": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer) -> int:
    """Put ``model``, ``optimizer`` and chance back as saved; return the next step.

    Raises ``WeightsError`` if the file is damaged or of another model.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if state["cuda_random"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(state["cuda_random"])
        return int(state["step"])
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
