"""Which parameters learn, with what decay, by which optimizer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from handful.errors import ConfigError
from handful.recipes.settings import TrainSettings

NORMS = (
    nn.modules.batchnorm._BatchNorm,
    nn.modules.instancenorm._InstanceNorm,
    nn.GroupNorm,
    nn.LayerNorm,
    nn.LocalResponseNorm,
)


def parameter_groups(model: nn.Module, settings: TrainSettings) -> list[dict[str, Any]]:
    """Return the parameters of ``model`` that learn, grouped by decay and rate, with names.

    What does not require a gradient is left out. ``norm_decay`` holds for all of a
    normalisation layer, ``bias_decay`` and ``bias_lr`` for every other parameter named bias,
    ``weight_decay`` for the rest; None is the same as the rest. ``undecayed`` overrules them all.
    A group's "params" are pairs of name and parameter, as ``torch.optim`` takes them; only one of
    another rate has an "lr".
    Raises ``ConfigError`` if nothing would learn.
    """
    groups: dict[tuple[float, float], list[tuple[str, nn.Parameter]]] = {}
    for name, parameter, decay, rate in _rules(model, settings):
        groups.setdefault((decay, rate), []).append((name, parameter))
    if not groups:
        raise ConfigError(
            "nothing of this model would learn", remedy="Freeze less of it in the recipe"
        )
    return [
        {"params": named, "weight_decay": decay} | ({} if rate == 1 else {"lr": settings.lr * rate})
        for (decay, rate), named in groups.items()
    ]


def build_optimizer(groups: Sequence[dict[str, Any]], settings: TrainSettings) -> Optimizer:
    """Return the optimizer of ``settings`` over ``groups``; a group may have its own "lr"."""
    if settings.optimizer == "adamw":
        optimizer = torch.optim.AdamW(groups, lr=settings.lr, weight_decay=settings.weight_decay)
    else:
        optimizer = torch.optim.SGD(
            groups,
            lr=settings.lr,
            momentum=settings.momentum,
            nesterov=settings.nesterov,
            weight_decay=settings.weight_decay,
        )
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    return optimizer


def set_learning_rate(optimizer: Optimizer, factor: float) -> None:
    """Set every group to its own learning rate times ``factor``."""
    for group in optimizer.param_groups:
        group["lr"] = group["initial_lr"] * factor


def _rules(
    model: nn.Module, settings: TrainSettings
) -> Iterator[tuple[str, nn.Parameter, float, float]]:
    """Yield each learning parameter once, with decay and rate, though modules may share it."""
    common = settings.weight_decay
    of_norm = common if settings.norm_decay is None else settings.norm_decay
    of_bias = common if settings.bias_decay is None else settings.bias_decay
    known: set[nn.Parameter] = set()
    for place, module in model.named_modules():
        for own_name, parameter in module.named_parameters(recurse=False):
            if parameter in known or not parameter.requires_grad:
                continue
            known.add(parameter)
            name = f"{place}.{own_name}" if place else own_name
            decay, rate = common, 1.0
            if isinstance(module, NORMS):
                decay = of_norm
            elif own_name == "bias":
                decay, rate = of_bias, settings.bias_lr
            if any(part in name for part in settings.undecayed):
                decay = 0.0
            yield name, parameter, decay, rate
