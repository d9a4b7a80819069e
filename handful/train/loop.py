"""The training loop: batches in, a trained model out, resumable at any checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from handful.reporter import Reporter, SilentReporter
from handful.train.checkpoint import load_checkpoint, save_checkpoint

Batch = TypeVar("Batch")
Losses = Mapping[str, Tensor]


def train(
    model: nn.Module,
    batches: Callable[[int], Iterable[Batch]],
    loss: Callable[[Batch], Losses],
    *,
    optimizer: Optimizer,
    steps: int,
    schedule: Callable[[int], float] | None = None,
    clip: float | None = None,
    checkpoint: Path | None = None,
    checkpoint_every: int = 1000,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
    reporter: Reporter | None = None,
) -> int:
    """Train ``model`` up to step ``steps`` and return how many of them were skipped.

    batches: what comes from a given step on, so that training can be resumed exactly.
    loss: named losses of a batch, of which ``total`` is minimised; it also puts the model
    into the mode it wants. schedule: factor of the learning rate at a step. clip: largest
    gradient norm. checkpoint: a file to resume from if it is there, written every
    ``checkpoint_every`` steps and at the end. on_step: called after each step.

    A step whose gradient is not finite changes nothing and is noted.
    """
    reporter = reporter or SilentReporter()
    for group in optimizer.param_groups:
        group.setdefault("initial_lr", group["lr"])
    start = 0
    if checkpoint is not None and checkpoint.exists():
        start = load_checkpoint(checkpoint, model, optimizer)
        reporter.note(f"resumed at step {start} from {checkpoint.name}")
    reporter.start("train", steps - start)
    skipped = 0
    for step, batch in zip(range(start, steps), batches(start), strict=False):
        _set_learning_rate(optimizer, schedule(step) if schedule else 1.0)
        figures = take_step(model, loss(batch), optimizer, clip=clip)
        if not math.isfinite(figures["gradient"]):
            skipped += 1
            reporter.note(f"step {step} skipped: its gradient is not finite")
        reporter.advance("train", 1, **figures)
        if checkpoint is not None and ((step + 1) % checkpoint_every == 0 or step + 1 == steps):
            save_checkpoint(checkpoint, model, optimizer, step=step + 1)
        if on_step:
            on_step(step, figures)
    reporter.finish("train")
    return skipped


def take_step(
    model: nn.Module, losses: Losses, optimizer: Optimizer, *, clip: float | None = None
) -> dict[str, float]:
    """Minimise ``losses["total"]`` by one step and return all losses and the gradient's norm.

    The norm is taken before clipping. If it is not finite the parameters stay as they are.
    """
    optimizer.zero_grad()
    losses["total"].backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), math.inf if clip is None else clip)
    if torch.isfinite(norm):
        optimizer.step()
    figures = {name: float(value.detach()) for name, value in losses.items()}
    return {**figures, "gradient": float(norm)}


def _set_learning_rate(optimizer: Optimizer, factor: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor
