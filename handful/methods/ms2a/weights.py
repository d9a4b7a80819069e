"""Reading the official checkpoints, and starting from a YOLOX."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from handful.errors import ConfigError, WeightsError, suggest
from handful.methods.ms2a.config import SOURCE, TARGET, MapSize, MS2AConfig
from handful.methods.ms2a.keys import OUR_MEMORY, our_key
from handful.methods.ms2a.model import MS2A
from handful.methods.ms2a.scenarios import SCENARIOS
from handful.methods.yolox.config import STRIDES
from handful.methods.yolox.weights import AVERAGED, convert_yolox_state
from handful.nn.entries import require_same_entries

OWN_PARTS = ("adaptations.", "memories.", "foreground.")
"""Starts of the names that a YOLOX does not have."""

MEMORY_INPUT = "adaptations.0.memory_input.convolution.weight"
_LAYER = re.compile(r"adaptations\.0\.layers\.(\d+)\.")


def convert_ms2a_state(
    state: Mapping[str, Tensor], variant: str | None = None
) -> tuple[dict[str, Tensor], MS2AConfig]:
    """Return the state dict of ``MS2A(config)``, and ``config``, for an official state dict.

    Size, domains and what they remember are told by the entries; domains beyond source and
    target are numbers. variant: the scenario, such as "cityscapes-foggy", gives classes their
    names; without it they are numbers. Raises ``WeightsError`` naming the entry that is missing,
    left over or of a wrong shape, and ``ConfigError`` for an unknown variant.
    """
    plain = {name: value for name, value in state.items() if not name.startswith(AVERAGED)}
    ours = {our_key(name): (name, value) for name, value in plain.items()}
    detector = {name: value for key, (name, value) in ours.items() if not key.startswith(OWN_PARTS)}
    base, yolox = convert_yolox_state(detector)
    own = {key: value for key, (_, value) in ours.items() if key.startswith(OWN_PARTS)}
    config = _config(own, _class_names(yolox.class_names, variant), yolox.size)
    converted = {**base, **own}
    expected = _empty_state(config)
    require_same_entries(converted, expected, network=f"MS2A on YOLOX-{config.size}")
    return {name: converted[name] for name in expected}, config


def memory_entries(config: MS2AConfig) -> set[str]:
    """Return the names of the entries that hold what domains remember."""
    return {name for name in _empty_state(config) if OUR_MEMORY.fullmatch(name)}


def base_entries(state: Mapping[str, Tensor], config: MS2AConfig) -> dict[str, Tensor]:
    """Return what ``MS2A(config)`` takes from the ``state`` of a YOLOX of the same classes.

    Raises ``WeightsError`` if an entry is missing, left over or of another shape.
    """
    expected = {
        name: value
        for name, value in _empty_state(config).items()
        if not name.startswith(OWN_PARTS)
    }
    require_same_entries(state, expected, network=f"YOLOX-{config.size}")
    return dict(state)


def _class_names(numbers: tuple[str, ...], variant: str | None) -> tuple[str, ...]:
    if variant is None:
        return numbers
    if variant not in SCENARIOS:
        raise ConfigError(
            "there is no such variant of this file",
            field="variant",
            got=variant,
            expected=f"{', '.join(SCENARIOS)} or none",
            remedy=suggest(variant, SCENARIOS),
        )
    names = SCENARIOS[variant].class_names
    if len(names) != len(numbers):
        raise WeightsError(
            f"the checkpoint is not of {variant}",
            got=f"{len(numbers)} classes",
            expected=len(names),
            remedy="Leave the variant out: classes are then numbers",
        )
    return names


def _config(own: Mapping[str, Tensor], class_names: tuple[str, ...], size: str) -> MS2AConfig:
    sizes: dict[tuple[int, int], MapSize] = {}
    for name, value in own.items():
        if (match := OUR_MEMORY.fullmatch(name)) and value.ndim == 3:
            height, width = value.shape[-2:]
            sizes[int(match[1]), int(match[2])] = (height, width)
    count = 1 + max((domain for domain, _ in sizes), default=-1)
    missing = [
        f"memories.{domain}.{level}"
        for domain in range(max(count, 1))
        for level in range(len(STRIDES))
        if (domain, level) not in sizes
    ]
    missing += [] if MEMORY_INPUT in own else [MEMORY_INPUT]
    if missing:
        raise WeightsError(
            "the checkpoint lacks a part of MS2A",
            field=missing[0],
            got=f"{len(missing)} of them are missing",
            remedy="Is this a checkpoint of MS2A? Plain YOLOX is converted as such",
        )
    domains = (SOURCE, TARGET, *(f"domain {number}" for number in range(2, count)))[:count]
    layers = {match[1] for name in own if (match := _LAYER.match(name))}
    return MS2AConfig(
        class_names=class_names,
        size=size,  # type: ignore[arg-type]
        domains=domains,
        default_domain=domains[min(1, count - 1)],
        clusters=own[MEMORY_INPUT].shape[1],
        memory_sizes=tuple(sizes[0, level] for level in range(len(STRIDES))),
        layers=len(layers),
    )


def _empty_state(config: MS2AConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        return MS2A(config).state_dict()
