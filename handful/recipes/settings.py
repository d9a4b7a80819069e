"""The settings of a training run that every trained method shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handful.errors import ConfigError


@dataclass(frozen=True)
class TrainSettings:
    """How a model is trained; every recipe has one of these as its field ``train``.

    steps: optimiser steps. batch: pictures a step, over all processes and accumulated parts.
    accumulate: parts that a step's batch is run in. optimizer, lr, momentum, nesterov: of the
    update; lr is that of the full ``batch``. weight_decay: on weights; ``norm_decay`` on
    normalisation layers, ``bias_decay`` on every other parameter named bias (None: the same);
    those learn at ``bias_lr`` times lr; parameters whose name holds one of ``undecayed`` have no
    decay.
    schedule: "step" multiplies lr by ``decay`` at each of ``milestones``, "cosine" goes down to
    ``final`` times lr, "cosine_after_warmup" does so from the end of the warm-up on. hold: last
    steps of a cosine that stay there. first_count: the number that the first update has on the
    schedule. warmup: steps in which lr rises from ``warmup_factor`` to ``warmup_peak``, times
    ``warmup_curve``. closing: last steps, which learn from plain pictures. clip: largest
    gradient norm. nonfinite: whether a loss or gradient that is no number stops training or is
    skipped. precision: of the forward pass. ema: decay of averaged weights, None for none;
    ema_ramp: updates in which it comes near (0: quickly), ema_buffers: whether statistics are
    averaged like weights or copied. evaluate_every, checkpoint_every: steps, 0 for only at the
    end; evaluate_closing: the former in the closing steps, 0 for the same. patience: evaluations
    without progress that make a plateau, 0 for never; lr falls by ``decay`` at the first
    ``plateau_drops`` of them, training ends at the next. seed: of everything random. workers:
    processes that read pictures.
    """

    steps: int = 1000
    batch: int = 16
    accumulate: int = 1
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: float = 0.02
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    norm_decay: float | None = None
    bias_decay: float | None = None
    bias_lr: float = 1.0
    undecayed: tuple[str, ...] = ()
    schedule: Literal["step", "cosine", "cosine_after_warmup"] = "step"
    milestones: tuple[int, ...] = ()
    decay: float = 0.1
    final: float = 0.0
    hold: int = 0
    first_count: int = 0
    warmup: int = 0
    warmup_factor: float = 0.001
    warmup_peak: float = 1.0
    warmup_curve: Literal["linear", "quadratic"] = "linear"
    closing: int = 0
    clip: float | None = None
    nonfinite: Literal["stop", "skip"] = "stop"
    precision: Literal["32", "bf16", "fp16"] = "32"
    ema: float | None = None
    ema_ramp: float = 0.0
    ema_buffers: bool = False
    evaluate_every: int = 0
    evaluate_closing: int = 0
    checkpoint_every: int = 1000
    patience: int = 0
    plateau_drops: int = 0
    seed: int = 0
    workers: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "milestones", tuple(self.milestones))
        object.__setattr__(self, "undecayed", tuple(self.undecayed))
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise _senseless(name, value, f"{least} or more")
        for name in ("lr", "bias_lr"):
            if getattr(self, name) == 0:
                raise _senseless(name, getattr(self, name), "more than 0")
        if self.ema is not None and not 0 < self.ema < 1:
            raise _senseless("ema", self.ema, "a decay between 0 and 1, such as 0.999, or none")
        if list(self.milestones) != sorted(set(self.milestones)):
            raise _senseless("milestones", self.milestones, "steps in rising order")
        if self.batch % self.accumulate:
            raise ConfigError(
                "a batch must split evenly into its parts",
                field="train.accumulate",
                got=self.accumulate,
                expected=f"a divisor of batch {self.batch}",
            )


_LEAST = {
    "steps": 1,
    "batch": 1,
    "accumulate": 1,
    "lr": 0,
    "momentum": 0,
    "weight_decay": 0,
    "norm_decay": 0,
    "bias_decay": 0,
    "bias_lr": 0,
    "decay": 0,
    "final": 0,
    "warmup": 0,
    "warmup_factor": 0,
    "warmup_peak": 0,
    "hold": 0,
    "first_count": 0,
    "closing": 0,
    "ema_ramp": 0,
    "clip": 0,
    "evaluate_every": 0,
    "evaluate_closing": 0,
    "checkpoint_every": 0,
    "patience": 0,
    "plateau_drops": 0,
    "seed": 0,
    "workers": 0,
}


def _senseless(name: str, got: object, expected: str) -> ConfigError:
    return ConfigError(
        "this training setting makes no sense", field=f"train.{name}", got=got, expected=expected
    )
