"""Any timm network as a trunk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from handful.errors import ConfigError, suggest
from handful.nn.backbones.trunk import Trunk, require_strides


class TimmTrunk(Trunk):
    """The maps of chosen strides of a network that timm knows by ``name``; random weights.

    Raises ``ConfigError`` for an unknown name or a stride the network does not have.
    """

    def __init__(self, name: str, strides: tuple[int, ...]) -> None:
        import timm

        super().__init__()
        require_known(name, field="trunk")
        with torch.device("meta"):
            info: Any = timm.create_model(name, features_only=True).feature_info
        reductions, channels, modules = info.reduction(), info.channels(), info.module_name()
        require_strides(strides, sorted(set(reductions)), network=name)
        # Several maps can share a stride; the last one has seen most.
        last = {stride: index for index, stride in enumerate(reductions)}
        indices = sorted({last[stride] for stride in strides})
        self.network: Any = timm.create_model(
            name, pretrained=False, features_only=True, out_indices=tuple(indices)
        )
        _cut_after(self.network, modules[indices[-1]])
        self.network.to(memory_format=torch.channels_last)
        self.strides = tuple(strides)
        self.channels = tuple(channels[last[stride]] for stride in strides)
        self._order = [indices.index(last[stride]) for stride in strides]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the chosen maps of normalised ``images`` ``[B, 3, H, W]``."""
        maps = self.network(images.contiguous(memory_format=torch.channels_last))
        return [maps[index] for index in self._order]

    def blocks(self) -> list[nn.ModuleList]:
        """Return the stem and each block, first to last.

        The stem is everything before the first part with two convolutions.
        """
        return _stem_and_others(_leaves(self.network))

    def parts(self) -> list[nn.ModuleList]:
        """Return the stem and each stage, first to last."""
        return _stem_and_others(_stages(self.network))


def require_known(name: str, *, field: str) -> None:
    """Raise ``ConfigError`` unless timm knows a network of this name."""
    import timm

    if not timm.is_model(name):
        raise ConfigError(
            "timm knows no such network",
            field=field,
            got=name,
            remedy=suggest(name, timm.list_models()),
        )


def _stem_and_others(modules: Iterable[nn.Module]) -> list[nn.ModuleList]:
    stem, others = nn.ModuleList(), []
    for module in modules:
        convolutions = sum(isinstance(inner, nn.Conv2d) for inner in module.modules())
        if convolutions < 2 and not others:
            stem.append(module)
        else:
            others.append(nn.ModuleList([module]))
    return [stem, *others]


def _stages(network: nn.Module) -> Iterator[nn.Module]:
    """Yield the children in order, a sequence named ``blocks`` taken apart into its stages."""
    for name, child in network.named_children():
        if name == "blocks" and isinstance(child, nn.Sequential):
            yield from child.children()
        else:
            yield child


def _leaves(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the children in order, sequences taken apart."""
    for child in module.children():
        if isinstance(child, (nn.Sequential, nn.ModuleList)):
            yield from _leaves(child)
        else:
            yield child


def _cut_after(network: Any, module: str) -> None:
    """Drop the stages after the last one used, which timm keeps and runs in some networks."""
    stage = re.fullmatch(r"blocks\.(\d+)(\..+)?", module)
    if stage and isinstance(getattr(network, "blocks", None), nn.Sequential):
        network.blocks = network.blocks[: int(stage[1]) + 1]
