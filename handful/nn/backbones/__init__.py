"""Trunks by name."""

from handful.nn.backbones.build import build_trunk
from handful.nn.backbones.trunk import Trunk, freeze_blocks, hold_statistics

__all__ = ["Trunk", "build_trunk", "freeze_blocks", "hold_statistics"]
