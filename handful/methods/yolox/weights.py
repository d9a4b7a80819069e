"""Reading the official checkpoints of both projects, and starting from those of other classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args

import torch
from torch import Tensor

from handful.data.splits.divisions import COCO_CATEGORY_IDS
from handful.errors import ConfigError, WeightsError
from handful.methods.yolox.config import SCALES, Flavour, Size, YOLOXConfig, with_legacy_input
from handful.methods.yolox.keys import official_key, our_key
from handful.methods.yolox.model import YOLOX
from handful.nn.backbones.csp import STAGE_DEPTH, STEM_CHANNELS, csp_depth
from handful.nn.entries import require_same_entries

LEGACY = "legacy"
"""The variant that was trained on normalised RGB; its entries look like any other's."""

AVERAGED = "ema_"
"""How mmdet's second copy of all weights starts: the raw ones; the averaged stand elsewhere."""

CLASS_LAYERS = "head.classes."
FIRST_CLASSES = f"{CLASS_LAYERS}0.weight"


def convert_yolox_state(
    state: Mapping[str, Tensor], variant: str | None = None
) -> tuple[dict[str, Tensor], YOLOXConfig]:
    """Return the state dict of ``YOLOX(config)``, and ``config``, for an official state dict.

    Naming, size and number of classes are told by the entries; 80 classes are COCO's, others
    are numbers. variant: "legacy" for Megvii's first release, None for all others. Raises
    ``WeightsError`` naming the entry that is missing, left over or of a wrong shape, and
    ``ConfigError`` for another variant.
    """
    flavour = _flavour(state)
    _require_variant(variant, flavour)
    converted = {
        our_key(name, flavour): value
        for name, value in state.items()
        if not name.startswith(AVERAGED)
    }
    config = YOLOXConfig(
        class_names=_class_names(converted, flavour),
        size=_size(converted, flavour),
        flavour=flavour,
    )
    expected = _empty_state(config)
    require_same_entries(converted, expected, network=f"YOLOX-{config.size}")
    if variant == LEGACY:
        config = with_legacy_input(config)
    return {name: converted[name] for name in expected}, config


def official_state(state: Mapping[str, Tensor], flavour: Flavour) -> dict[str, Tensor]:
    """Return ``state`` of a ``YOLOX`` under the names that ``flavour`` gives its entries."""
    return {official_key(name, flavour): value for name, value in state.items()}


def starting_entries(state: Mapping[str, Tensor], config: YOLOXConfig) -> dict[str, Tensor]:
    """Return what ``YOLOX(config)`` can start from in the ``state`` of one of other classes.

    All but the last layer of classes, and that too if there are as many. Raises
    ``WeightsError`` if an entry does not fit.
    """
    whole = _empty_state(config)
    equal = FIRST_CLASSES in state and len(state[FIRST_CLASSES]) == config.class_count
    skipped = () if equal else (CLASS_LAYERS,)
    entries, expected = (
        {name: value for name, value in one.items() if not name.startswith(skipped)}
        for one in (state, whole)
    )
    require_same_entries(entries, expected, network=f"YOLOX-{config.size}")
    return entries


def _empty_state(config: YOLOXConfig) -> dict[str, Tensor]:
    with torch.device("meta"):
        return YOLOX(config).state_dict()


def _flavour(state: Mapping[str, Tensor]) -> Flavour:
    for flavour in get_args(Flavour):
        if _stem(flavour) in state:
            return flavour
    raise WeightsError(
        "no YOLOX of Megvii or mmdet has these entries",
        field=_stem("megvii"),
        got=f"{len(state)} entries without it",
        remedy="Is this a YOLOX checkpoint? Its Darknet53 variant is not supported",
    )


def _stem(flavour: Flavour) -> str:
    return official_key("backbone.stem.block.convolution.weight", flavour)


def _require_variant(variant: str | None, flavour: Flavour) -> None:
    allowed = (None, LEGACY) if flavour == "megvii" else (None,)
    if variant not in allowed:
        raise ConfigError(
            "there is no such variant of this file",
            field="variant",
            got=variant,
            expected=" or ".join(one or "none" for one in allowed),
        )


def _size(state: Mapping[str, Tensor], flavour: Flavour) -> Size:
    """Return the size whose width, depth and kind of convolution the entries tell."""
    stem = state["backbone.stem.block.convolution.weight"].shape[0]
    pattern = re.compile(r"backbone\.stages\.0\.1\.blocks\.(\d+)\.")
    blocks = len({match[1] for name in state if (match := pattern.match(name))})
    depthwise = any(".depthwise." in name for name in state)
    for size, scale in SCALES.items():
        told = (int(STEM_CHANNELS * scale.width), csp_depth(scale.depth), scale.depthwise)
        if (stem, blocks, depthwise) == told:
            return size
    raise WeightsError(
        "no YOLOX of a known size",
        field=_stem(flavour),
        got=f"width {stem / STEM_CHANNELS:g}, depth {blocks / STAGE_DEPTH:.2f}"
        + (", depthwise" if depthwise else ""),
        expected=", ".join(SCALES),
    )


def _class_names(state: Mapping[str, Tensor], flavour: Flavour) -> tuple[str, ...]:
    if FIRST_CLASSES not in state:
        missing = official_key(FIRST_CLASSES, flavour)
        raise WeightsError("the checkpoint lacks an entry", field=missing)
    count = len(state[FIRST_CLASSES])
    if count == len(COCO_CATEGORY_IDS):
        return tuple(COCO_CATEGORY_IDS)
    return tuple(str(number) for number in range(count))
