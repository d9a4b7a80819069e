"""ResNet (arXiv 1512.03385), parameters named as torchvision does."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from handful.nn.backbones.trunk import Trunk, require_strides
from handful.nn.norm import Norm, normalized

DEPTHS = {50: (3, 4, 6), 101: (3, 4, 23)}
"""Blocks of the first three stages; the last has ``LAST_DEPTH`` in all of them."""

STAGE_STRIDES = (4, 8, 16, 32)
STAGE_WIDTHS = (64, 128, 256, 512)
LAST_DEPTH = 3
EXPANSION = 4


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions around a shortcut.

    The stride sits in the 3x3, or, in the ``caffe`` style, in the first 1x1. There it means
    that block and shortcut both see every second cell only, so the map is thinned once.
    """

    def __init__(
        self, inputs: int, width: int, *, stride: int, norm: Norm, caffe: bool = False
    ) -> None:
        super().__init__()
        outputs = width * EXPANSION
        self.thinning = stride if caffe else 1
        stride = 1 if caffe else stride
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = norm(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = norm(outputs)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), norm(outputs))
            if stride != 1 or inputs != outputs
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output ``[B, 4 * width, h, w]``."""
        if self.thinning > 1:
            x = x[:, :, :: self.thinning, :: self.thinning].contiguous()
        shortcut = x if self.downsample is None else normalized(*self.downsample, x)  # type: ignore[arg-type]
        x = torch.relu_(normalized(self.conv1, self.bn1, x))
        x = torch.relu_(normalized(self.conv2, self.bn2, x))
        return torch.relu_(normalized(self.conv3, self.bn3, x).add_(shortcut))


def bottlenecks(
    inputs: int, width: int, *, blocks: int, stride: int, norm: Norm, caffe: bool = False
) -> nn.Sequential:
    """Return a stage of ``blocks`` bottlenecks from ``inputs`` to ``4 * width`` channels."""
    stage = nn.Sequential()
    for block in range(blocks):
        stage.append(
            Bottleneck(
                width * EXPANSION if block else inputs,
                width,
                stride=1 if block else stride,
                norm=norm,
                caffe=caffe,
            )
        )
    return stage


def last_stage(norm: Norm, *, caffe: bool) -> tuple[nn.Sequential, int]:
    """Return the fourth stage alone, for the head of a detector, and its output channels."""
    width = STAGE_WIDTHS[-1]
    inputs = STAGE_WIDTHS[-2] * EXPANSION
    stage = bottlenecks(inputs, width, blocks=LAST_DEPTH, stride=2, norm=norm, caffe=caffe)
    _initialize(stage)
    return stage, width * EXPANSION


class ResNetTrunk(Trunk):
    """The stem and the stages of ResNet-50 or -101; the fourth only if its map is asked for.

    strides: which of the maps of stride 4, 8, 16 and 32 to return. Raises ``ConfigError`` for
    others.
    """

    def __init__(
        self,
        depth: int = 50,
        strides: tuple[int, ...] = (16,),
        *,
        norm: Norm = nn.BatchNorm2d,
        caffe: bool = False,
    ) -> None:
        super().__init__()
        require_strides(strides, STAGE_STRIDES, network="ResNet")
        self.strides = tuple(strides)
        self.channels = tuple(STAGE_WIDTHS[STAGE_STRIDES.index(s)] * EXPANSION for s in strides)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = norm(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        depths = DEPTHS[depth] + ((LAST_DEPTH,) if STAGE_STRIDES[-1] in strides else ())
        inputs = 64
        for number, blocks in enumerate(depths):
            width = STAGE_WIDTHS[number]
            stride = 2 if number else 1
            stage = bottlenecks(inputs, width, blocks=blocks, stride=stride, norm=norm, caffe=caffe)
            self.add_module(f"layer{number + 1}", stage)
            inputs = width * EXPANSION
        self.stage_count = len(depths)
        _initialize(self)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the chosen maps of normalised ``images`` ``[B, 3, H, W]``."""
        x = self.maxpool(torch.relu_(normalized(self.conv1, self.bn1, images)))
        maps = {}
        for stride, stage in zip(STAGE_STRIDES, self.stages(), strict=False):
            x = stage(x)
            maps[stride] = x
        return [maps[stride] for stride in self.strides]

    def stages(self) -> list[nn.Module]:
        """Return layer1, layer2 and so on."""
        return [self.get_submodule(f"layer{n + 1}") for n in range(self.stage_count)]

    def blocks(self) -> list[nn.ModuleList]:
        """Return the stem and each bottleneck, first to last."""
        inner = [block for stage in self.stages() for block in stage.children()]
        return [self._stem(), *(nn.ModuleList([block]) for block in inner)]

    def parts(self) -> list[nn.ModuleList]:
        """Return the stem and each stage, first to last."""
        return [self._stem(), *(nn.ModuleList([stage]) for stage in self.stages())]

    def _stem(self) -> nn.ModuleList:
        return nn.ModuleList([self.conv1, self.bn1])


def _initialize(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
