"""Reading the official checkpoints (mmdet 2.x), and ImageNet weights to start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from handful.data.splits.divisions import COCO_CATEGORY_IDS
from handful.errors import ConfigError, WeightsError
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.keys import SKIPPED, is_merging, official_key
from handful.methods.o2f.model import O2F
from handful.methods.official import trunk_entries
from handful.nn.backbones.swin import NAME as SWIN
from handful.nn.entries import require_same_entries

CROWDHUMAN = "crowdhuman"
"""The variant that finds one class, people, and many of them."""

CLASS_BIAS = "bbox_head.conv_cls.bias"
SWIN_MARK, DEEP_MARK = "backbone.patch_embed.", "backbone.layer3.22."
MASKS_MARK = "bbox_head.controller."
COUNTER = "num_batches_tracked"

WRAPPED = "module."
"""How entries start that were saved with a wrapper for several GPUs around the network."""

ORIGINAL_ORDER = (0, 2, 1, 3)
"""Where MMDetection has the four patches that Swin merges: the last two of a corner's rows
change places."""


def convert_o2f_state(
    state: Mapping[str, Tensor], variant: str | None = None
) -> tuple[dict[str, Tensor], O2FConfig]:
    """Return the state dict of ``O2F(config)``, and ``config``, for an official state dict.

    Trunk, masks and number of classes are told by the entries; 80 classes are COCO's, others are
    numbers. variant: "crowdhuman" for its one class and its settings, None for all others. Raises
    ``WeightsError`` naming the entry that is missing, left over or of a wrong shape, and
    ``ConfigError`` for another variant.
    """
    state = {name.removeprefix(WRAPPED): value for name, value in state.items()}
    config = _config(state, variant)
    with torch.device("meta"):
        expected = O2F(config).state_dict()
    converted = {}
    for name, value in expected.items():
        official = official_key(name, masks=config.masks)
        if official in state:
            converted[name] = _ours(name, state[official])
        elif name.endswith(COUNTER):
            converted[name] = torch.zeros(value.shape, dtype=value.dtype)
        else:
            raise WeightsError("the checkpoint lacks an entry", field=official)
    known = {official_key(name, masks=config.masks) for name in expected}
    for official in state:
        if official not in known and not SKIPPED.fullmatch(official):
            raise WeightsError("the file holds an entry that O2F does not have", field=official)
    require_same_entries(converted, expected, network=f"O2F with trunk {config.trunk}")
    return converted, config


def official_state(state: Mapping[str, Tensor], *, masks: bool = False) -> dict[str, Tensor]:
    """Return ``state`` of an ``O2F`` under the names, and in the layout, of the original."""
    return {official_key(name, masks=masks): _theirs(name, value) for name, value in state.items()}


def imagenet_entries(network: O2F, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return what ``network`` takes from an ImageNet classifier with torchvision's names.

    Raises ``WeightsError`` if that has other entries or shapes than the trunk.
    """
    own = network.state_dict()
    if network.config.trunk != SWIN:
        return trunk_entries(state, own, trunk=network.config.trunk)
    # A classifier has one norm, behind everything; here each map has its own.
    state = {name: value for name, value in state.items() if name.startswith("features.")}
    state = {name: value for name, value in state.items() if not SKIPPED.fullmatch(name)}
    return trunk_entries(state, own, trunk=SWIN, parts=("trunk.features.",))


def merged_order(value: Tensor) -> Tensor:
    """Return an entry whose last axis are four merged patches, each of all channels, in our order.

    MMDetection has, for each channel, the four patches row by row; Swin's authors and torchvision
    have all channels of a patch together, column by column.
    """
    channels = value.shape[-1] // 4
    split = value.unflatten(-1, (channels, 4)).transpose(-1, -2)
    return split[..., list(ORIGINAL_ORDER), :].flatten(-2)


def split_order(value: Tensor) -> Tensor:
    """Undo ``merged_order``."""
    patches = value.unflatten(-1, (4, -1))[..., list(ORIGINAL_ORDER), :]
    return patches.transpose(-1, -2).flatten(-2)


def _ours(name: str, value: Tensor) -> Tensor:
    return merged_order(value) if is_merging(name) else value


def _theirs(name: str, value: Tensor) -> Tensor:
    return split_order(value) if is_merging(name) else value


def _config(state: Mapping[str, Tensor], variant: str | None) -> O2FConfig:
    if CLASS_BIAS not in state:
        raise WeightsError("the checkpoint lacks an entry", field=CLASS_BIAS)
    count = len(state[CLASS_BIAS])
    trunk = "resnet50"
    if any(name.startswith(SWIN_MARK) for name in state):
        trunk = SWIN
    elif any(name.startswith(DEEP_MARK) for name in state):
        trunk = "resnet101"
    masks = any(name.startswith(MASKS_MARK) for name in state)
    config = O2FConfig(class_names=_class_names(count), trunk=trunk, masks=masks)
    if masks:
        config = replace(config, box_weight=1.0)
    if variant is None:
        return config
    if variant != CROWDHUMAN:
        raise ConfigError(
            "there is no such variant of this file",
            field="variant",
            got=variant,
            expected=f"{CROWDHUMAN} or none",
        )
    if count != 1:
        raise WeightsError(
            f"the checkpoint is not of {variant}", field=CLASS_BIAS, got=f"{count} classes"
        )
    return crowdhuman_settings(config)


def crowdhuman_settings(config: O2FConfig) -> O2FConfig:
    """Return ``config`` as it was published for CrowdHuman."""
    return replace(
        config,
        class_names=("person",),
        points_per_object=4,
        candidates_per_level=5000,
        max_detections=500,
        test_size=(800, 1400),
    )


def _class_names(count: int) -> tuple[str, ...]:
    if count == len(COCO_CATEGORY_IDS):
        return tuple(COCO_CATEGORY_IDS)
    return tuple(str(number) for number in range(count))
