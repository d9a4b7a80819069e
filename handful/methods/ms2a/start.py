"""Where an MS2A starts: at a YOLOX, with what is remembered of its domains."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from handful.errors import DataError
from handful.memory.domain_memory import DomainMemories
from handful.methods.ms2a.adaptation import Adaptation, MemoryAttention
from handful.methods.ms2a.config import MS2AConfig
from handful.methods.ms2a.memory import remember_domains
from handful.methods.ms2a.model import MS2A
from handful.methods.ms2a.weights import base_entries

LevelStatistics = tuple[Tensor, Tensor]
"""Mean and variance ``[C]`` of the maps of one level."""


def start_from_detector(
    config: MS2AConfig, state: Mapping[str, Tensor], memories: DomainMemories
) -> MS2A:
    """Return the network of ``config`` with the weights of a YOLOX of the same classes.

    The rest is drawn from torch's own chance. Raises ``WeightsError`` if weights or memories
    do not fit.
    """
    network = MS2A(config)
    network.load_state_dict({**network.state_dict(), **base_entries(state, config)})
    remember_domains(network, memories)
    return network


@torch.no_grad()
def pass_maps_on(network: MS2A, statistics: Sequence[LevelStatistics]) -> None:
    """Let the adaptations of ``network`` return the maps they are given, until they learn.

    Not so in the original, whose head first meets projections by chance. statistics: of the
    maps of each level, which the norms undo.
    """
    for one, (mean, variance) in zip(network.adaptations, statistics, strict=True):
        adaptation = cast(Adaptation, one)
        projection = adaptation.feature_input
        nn.init.dirac_(projection.convolution.weight)
        norm = projection.norm
        cast(Tensor, norm.running_mean).copy_(mean)
        cast(Tensor, norm.running_var).copy_(variance)
        norm.bias.copy_(mean)
        norm.weight.copy_((variance + norm.eps).sqrt())
        for layer in adaptation.layers:
            output = cast(MemoryAttention, layer).output
            nn.init.zeros_(output.weight)
            nn.init.zeros_(cast(Tensor, output.bias))


def map_statistics(maps: Iterable[Sequence[Tensor]]) -> list[LevelStatistics]:
    """Return mean and variance of each level over batches of ``maps``, ``[B, C, h, w]`` each.

    Raises ``DataError`` if there are none.
    """
    sums: list[tuple[Tensor, Tensor]] = []
    counts: list[int] = []
    for levels in maps:
        seen = [one.double().transpose(0, 1).flatten(1) for one in levels]
        found = [(one.sum(1), one.square().sum(1)) for one in seen]
        sums = (
            [(a + c, b + d) for (a, b), (c, d) in zip(sums, found, strict=True)] if sums else found
        )
        counts = [a + one.shape[1] for a, one in zip(counts or [0] * len(seen), seen, strict=True)]
    if not sums:
        raise DataError("no pictures to measure maps on")
    return [
        (
            (total / count).float(),
            (squares / count - (total / count).square()).clamp(min=0).float(),
        )
        for (total, squares), count in zip(sums, counts, strict=True)
    ]


def norms_are_folded(state: Mapping[str, Tensor]) -> bool:
    """Return whether the norms of a detector do nothing but add: their scales lie in the weights.

    Such weights come from exported graphs; learning with statistics of batches would ruin them.
    """
    means = [value for name, value in state.items() if name.endswith(".running_mean")]
    return bool(means) and not any(bool(one.any()) for one in means)
