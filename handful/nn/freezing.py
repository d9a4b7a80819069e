"""Which parameters learn."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn


def freeze_all_but(network: nn.Module, learnt: Iterable[nn.Module]) -> None:
    """Stop training of everything outside ``learnt``; what is frozen inside it stays frozen."""
    chosen = {id(one) for module in learnt for one in module.parameters()}
    for parameter in network.parameters():
        if id(parameter) not in chosen:
            parameter.requires_grad_(False)
