"""Reading the official OS2D checkpoints: their names, their duplicates, what they leave unsaid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from handful.errors import ConfigError, WeightsError
from handful.methods.os2d.config import V1, V2, OS2DConfig
from handful.methods.os2d.model import OS2D
from handful.nn.backbones.resnet import DEPTHS

TRUNK = "net_feature_maps."
CLASS_TRUNK = "net_label_features.net_class_features."
REGRESSOR = "os2d_head_creator.aligner.parameter_regressor."
LAYERS_PER_CONV = 3
"""In the original's sequence a convolution is followed by its norm and a ReLU."""

VARIANTS = {"v1": V1, "v2": V2}
Variant = Literal["v1", "v2"]


def convert_os2d_state(
    state: Mapping[str, Tensor], variant: Variant
) -> tuple[dict[str, Tensor], OS2DConfig]:
    """Return the state dict of ``OS2D(config)``, and ``config``, for an official state dict.

    state: the checkpoint's ``net``. variant: "v1" or "v2"; the file does not say whether its
    transform net tells the inverse map. Raises ``WeightsError`` naming the entry for missing,
    left over or wrongly shaped entries, and where the class branch differs from the trunk.
    """
    config = official_config(state, variant)
    with torch.device("meta"):
        expected = OS2D(config).state_dict()
    converted, known = {}, set()
    for key, tensor in expected.items():
        name = official_key(key)
        converted[key] = _entry(state, name, tuple(tensor.shape))
        known.add(name)
        if name.startswith(TRUNK):
            known.add(_verified_twin(state, name))
    unknown = sorted(set(state) - known)
    if unknown:
        raise WeightsError(
            "the checkpoint holds entries that OS2D does not have",
            field=unknown[0],
            got=f"{len(unknown)} of them",
            remedy="Is this an OS2D checkpoint?",
        )
    return converted, config


def official_config(state: Mapping[str, Tensor], variant: Variant) -> OS2DConfig:
    """Return the network that an official ``state`` belongs to, told by its entries and shapes."""
    if variant not in VARIANTS:
        raise ConfigError(
            "unknown OS2D variant", field="variant", got=variant, expected="'v1' or 'v2'"
        )
    base = VARIANTS[variant]
    blocks = {int(m[1]) for key in state if (m := re.match(rf"{TRUNK}layer3\.(\d+)\.", key))}
    depths = {stages[-1]: depth for depth, stages in DEPTHS.items()}
    if len(blocks) not in depths:
        raise WeightsError(
            "no OS2D trunk has this many blocks",
            field=f"{TRUNK}layer3",
            got=len(blocks),
            expected=" or ".join(str(count) for count in depths),
            remedy="Is this an OS2D checkpoint?",
        )
    outputs = _entry(state, f"{REGRESSOR}linear.weight", None).shape[0]
    if outputs != base.parameters:
        raise WeightsError(
            f"the checkpoint is not an OS2D {variant.upper()}",
            field=f"{REGRESSOR}linear.weight",
            got=f"{outputs} outputs",
            expected=base.parameters,
            remedy=f"Try variant {'v1' if variant == 'v2' else 'v2'}",
        )
    norm = "" if f"{TRUNK}bn1.running_mean" in state else "_groupnorm"
    return replace(base, trunk=f"resnet{depths[len(blocks)]}{norm}")


def official_key(key: str) -> str:
    """Return the official name of an entry of our state dict."""
    trunk = re.fullmatch(r"trunk\.(.+)", key)
    if trunk:
        return TRUNK + trunk[1]
    layer = re.fullmatch(r"head\.transform_net\.(convs|norms)\.(\d+)\.(\w+)", key)
    if layer:
        number = LAYERS_PER_CONV * int(layer[2]) + (layer[1] == "norms")
        return f"{REGRESSOR}conv.{number}.{layer[3]}"
    return key.replace("head.transform_net.output.", f"{REGRESSOR}linear.")


def _verified_twin(state: Mapping[str, Tensor], name: str) -> str:
    """Return the class branch's name of a trunk entry, once seen to hold the same numbers."""
    twin = CLASS_TRUNK + name.removeprefix(TRUNK)
    if not torch.equal(_entry(state, twin, None), state[name]):
        raise WeightsError(
            "the class branch differs from the scene branch",
            field=twin,
            expected="equal weights in both",
            remedy="Only checkpoints with merged branches can be converted",
        )
    return twin


def _entry(state: Mapping[str, Tensor], name: str, shape: tuple[int, ...] | None) -> Tensor:
    if name not in state:
        raise WeightsError(
            "the checkpoint lacks an entry", field=name, remedy="Is this an OS2D checkpoint?"
        )
    if shape is not None and tuple(state[name].shape) != shape:
        raise WeightsError(
            "an entry of the checkpoint has the wrong shape",
            field=name,
            got=list(state[name].shape),
            expected=list(shape),
        )
    return state[name]
