"""What every trunk offers: chosen maps, and its blocks in order for freezing."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from handful.errors import ConfigError


class Trunk(nn.Module):
    """A network from pictures to feature maps.

    strides, channels: of the maps that ``forward`` returns, in this order.
    """

    strides: tuple[int, ...]
    channels: tuple[int, ...]

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the chosen maps of normalised ``images`` ``[B, 3, H, W]``."""
        raise NotImplementedError

    def blocks(self) -> Sequence[nn.Module]:
        """Return what can freeze one after another in small steps: the stem, then each block."""
        raise NotImplementedError

    def parts(self) -> Sequence[nn.Module]:
        """Return what can freeze one after another in large steps: the stem, then each stage."""
        raise NotImplementedError


def require_strides(strides: Sequence[int], known: Sequence[int], *, network: str) -> None:
    """Raise ``ConfigError`` for ``strides`` that are not ``known`` of the ``network``."""
    unknown = [stride for stride in strides if stride not in known]
    if unknown:
        raise ConfigError(
            f"{network} has no map of this stride",
            field="trunk_strides",
            got=unknown[0],
            expected=f"one of {list(known)}",
        )


def freeze_blocks(trunk: Trunk, count: int) -> None:
    """Stop training of the first ``count`` blocks, let the others train."""
    _freeze_first(trunk.blocks(), count, what="blocks")


def freeze_parts(trunk: Trunk, count: int) -> None:
    """Stop training of the first ``count`` parts, let the others train."""
    _freeze_first(trunk.parts(), count, what="parts of the trunk")


def hold_statistics(module: nn.Module) -> None:
    """Make every BatchNorm in ``module`` use its running statistics until ``train`` is called."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.eval()


def _freeze_first(modules: Sequence[nn.Module], count: int, *, what: str) -> None:
    if not 0 <= count <= len(modules):
        raise ConfigError(
            f"cannot freeze so many {what}", got=count, expected=f"0 to {len(modules)}"
        )
    for number, module in enumerate(modules):
        module.requires_grad_(number >= count)
