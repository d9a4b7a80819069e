"""Trunks by name."""

from handful.nn.backbones.build import build_last_stage, build_trunk
from handful.nn.backbones.trunk import Trunk, freeze_blocks, freeze_parts, hold_statistics

__all__ = [
    "Trunk",
    "build_last_stage",
    "build_trunk",
    "freeze_blocks",
    "freeze_parts",
    "hold_statistics",
]
