"""OS2D: one-stage one-shot object detection by matching anchor features."""

from handful.methods.os2d.config import OS2DConfig
from handful.methods.os2d.head import Matches
from handful.methods.os2d.model import OS2D
from handful.methods.os2d.pyramid import (
    MappedDetections,
    area_size,
    decode_pyramid,
    pyramid_sizes,
)
from handful.methods.os2d.views import class_views

__all__ = [
    "OS2D",
    "MappedDetections",
    "Matches",
    "OS2DConfig",
    "area_size",
    "class_views",
    "decode_pyramid",
    "pyramid_sizes",
]
