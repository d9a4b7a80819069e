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
        """Return the parts that freeze one after another: the stem, then each block."""
        raise NotImplementedError


def freeze_blocks(trunk: Trunk, count: int) -> None:
    """Stop training of the first ``count`` blocks, let the others train."""
    blocks = trunk.blocks()
    if not 0 <= count <= len(blocks):
        raise ConfigError(
            "cannot freeze so many blocks",
            got=count,
            expected=f"0 to {len(blocks)}",
        )
    for number, block in enumerate(blocks):
        block.requires_grad_(number >= count)


def hold_statistics(module: nn.Module) -> None:
    """Make every BatchNorm in ``module`` use its running statistics until ``train`` is called."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.eval()
