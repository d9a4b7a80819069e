"""ResNet cut after its third stage (arXiv 1512.03385), parameters named as torchvision does."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from handful.errors import ConfigError
from handful.nn.backbones.trunk import Trunk

DEPTHS = {50: (3, 4, 6), 101: (3, 4, 23)}
STAGE_STRIDES = (4, 8, 16)
STAGE_WIDTHS = (64, 128, 256)
EXPANSION = 4
NORM_GROUPS = 32

Norm = Callable[[int], nn.Module]


def group_norm(channels: int) -> nn.Module:
    """Return the GroupNorm that replaces BatchNorm in the variant without batch statistics."""
    return nn.GroupNorm(NORM_GROUPS, channels)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions around a shortcut; the stride sits in the 3x3."""

    def __init__(self, inputs: int, width: int, *, stride: int, norm: Norm) -> None:
        super().__init__()
        outputs = width * EXPANSION
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
        shortcut = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return torch.relu(self.bn3(self.conv3(x)) + shortcut)


class ResNetTrunk(Trunk):
    """The stem and the first three stages of ResNet-50 or -101.

    strides: which of the maps of stride 4, 8 and 16 to return. Raises ``ConfigError`` for others.
    """

    def __init__(
        self, depth: int = 50, strides: tuple[int, ...] = (16,), *, norm: Norm = nn.BatchNorm2d
    ) -> None:
        super().__init__()
        unknown = [stride for stride in strides if stride not in STAGE_STRIDES]
        if unknown:
            raise ConfigError(
                "ResNet has no map of this stride",
                field="trunk_strides",
                got=unknown[0],
                expected=f"one of {STAGE_STRIDES}",
            )
        self.strides = tuple(strides)
        self.channels = tuple(STAGE_WIDTHS[STAGE_STRIDES.index(s)] * EXPANSION for s in strides)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = norm(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = 64
        for index, (blocks, width) in enumerate(zip(DEPTHS[depth], STAGE_WIDTHS, strict=True)):
            stage = []
            for block in range(blocks):
                stride = 2 if block == 0 and index > 0 else 1
                stage.append(Bottleneck(inputs, width, stride=stride, norm=norm))
                inputs = width * EXPANSION
            self.add_module(f"layer{index + 1}", nn.Sequential(*stage))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the chosen maps of normalised ``images`` ``[B, 3, H, W]``."""
        x = self.maxpool(torch.relu(self.bn1(self.conv1(images))))
        maps = {}
        for stride, stage in zip(STAGE_STRIDES, self.stages(), strict=True):
            x = stage(x)
            maps[stride] = x
        return [maps[stride] for stride in self.strides]

    def stages(self) -> list[nn.Module]:
        """Return layer1, layer2 and layer3."""
        return [self.get_submodule(f"layer{number}") for number in (1, 2, 3)]

    def blocks(self) -> list[nn.ModuleList]:
        """Return the stem and each bottleneck, first to last."""
        bottlenecks = [block for stage in self.stages() for block in stage.children()]
        return [nn.ModuleList([self.conv1, self.bn1]), *(nn.ModuleList([b]) for b in bottlenecks)]
