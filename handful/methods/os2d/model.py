"""OS2D: one-stage one-shot detection by matching anchor features (arXiv 2003.06800)."""

from __future__ import annotations

import numpy
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from handful.methods.os2d.anchors import feature_map_size
from handful.methods.os2d.config import OS2DConfig
from handful.methods.os2d.head import (
    FEATURE_EPSILON,
    Matches,
    MatchingHead,
    at_least_single,
    unit_length,
)
from handful.nn.backbones import build_trunk

WORKING_FLOATS = 1500
"""Floats a class needs at each cell while it is matched: correlations twice, a hidden map, and
tiles of the transform net or sampled cells with their grid. A CPU without gradients takes a few
classes at a time, so that many need less than so much each."""


def resized_to_template(features: Tensor, side: int) -> Tensor:
    """Return maps ``[B, C, h, w]`` bilinearly resized to ``[B, C, side, side]``, corners kept.

    Written as sampling on the identity grid because its rounding makes exact zeros of a map
    slightly positive, which decides, as in the original, where gradients pass the ReLU.
    """
    single = at_least_single(features)
    identity = torch.eye(2, 3, device=single.device, dtype=single.dtype)[None]
    grid = F.affine_grid(identity, [1, 1, side, side], align_corners=True)
    grid = grid.expand(len(single), -1, -1, -1)
    resized = F.grid_sample(
        single, grid, mode="bilinear", padding_mode="border", align_corners=True
    )
    return resized.to(features.dtype)


class OS2D(nn.Module):
    """Finds every instance of an object that one picture shows, without training for it.

    pretrained_trunk: start from the trunk's ImageNet weights, where a package brings them.
    """

    def __init__(self, config: OS2DConfig | None = None, *, pretrained_trunk: bool = False) -> None:
        super().__init__()
        self.config = config = config or OS2DConfig()
        self.trunk = build_trunk(config.trunk, config.trunk_strides, pretrained=pretrained_trunk)
        joined = sum(self.trunk.channels)
        self.channels = config.projection or joined
        self.projection = nn.Conv2d(joined, config.projection, 1) if config.projection else None
        self.head = MatchingHead(config)

    def features(self, images: Tensor) -> Tensor:
        """Return the raw feature map ``[B, C, h, w]`` of normalised ``images`` ``[B, 3, H, W]``."""
        return self.project(self.trunk_maps(images))

    def trunk_maps(self, images: Tensor) -> Tensor:
        """Return the trunk's maps of ``images``, joined at the feature stride: ``[B, F, h, w]``."""
        height, width = feature_map_size(
            (images.shape[-2], images.shape[-1]), self.config.feature_stride
        )
        maps = []
        for stride, level in zip(
            self.config.trunk_strides, self.trunk(self._whole(images)), strict=True
        ):
            ratio = stride // self.config.feature_stride
            if ratio > 1:
                level = F.interpolate(
                    level, scale_factor=ratio, mode="bilinear", align_corners=False
                )
            maps.append(level[..., :height, :width])
        return torch.cat(maps, dim=1) if len(maps) > 1 else maps[0]

    def _whole(self, images: Tensor) -> Tensor:
        """Return ``images`` with right and bottom padded to whole cells of the coarsest map.

        Maps of several strides line up only so: a trunk with "same" padding shifts each by
        what is left over of its cells. A single map needs no company and stays as published.
        """
        coarsest = max(self.config.trunk_strides)
        if coarsest == self.config.feature_stride:
            return images
        height, width = images.shape[-2:]
        return F.pad(images, (0, -width % coarsest, 0, -height % coarsest))

    def project(self, maps: Tensor) -> Tensor:
        """Return features ``[B, C, h, w]`` of joined ``maps`` ``[B, F, h, w]``."""
        return maps if self.projection is None else self.projection(maps)

    def template(self, image: Tensor) -> Tensor:
        """Return the unit-length class feature ``[C, T, T]`` of one ``image`` ``[1, 3, h, w]``."""
        return self.template_of(self.features(image))[0]

    def template_of(self, features: Tensor) -> Tensor:
        """Return class features ``[B, C, T, T]`` from raw maps ``[B, C, h, w]``."""
        return unit_length(
            resized_to_template(features, self.config.template_size), FEATURE_EPSILON
        )

    def match(self, features: Tensor, templates: Tensor) -> Matches:
        """Match ``templates`` ``[K, C, T, T]`` with the map ``[1, C, h, w]`` of one picture.

        The results have no batch dimension: ``loc`` is ``[K, 4, h*w]``. Working memory is
        about ``match_bytes`` for each class, so callers with many classes go in chunks.
        """
        matches = self.head(features, templates)
        return Matches(*(part[0] for part in matches))

    def forward(self, images: Tensor, templates: Tensor) -> Matches:
        """Match ``templates`` ``[K, C, T, T]`` with ``images`` ``[B, 3, H, W]``: [B, K, ...]."""
        return self.head(self.features(images), templates)

    def match_bytes(self, map_size: tuple[int, int]) -> int:
        """Return how much memory, in bytes, matching one class on such a map takes."""
        return WORKING_FLOATS * 4 * map_size[0] * map_size[1]

    def preprocess(self, image: Image.Image, size: tuple[int, int] | None = None) -> Tensor:
        """Return an RGB ``image``, resized to ``size`` (width, height), as input ``[1, 3, h, w]``.

        The filter is bilinear, as in the original's evaluation.
        """
        if size is not None and size != image.size:
            image = image.resize(size, Image.Resampling.BILINEAR)
        parameter = next(self.parameters())
        pixels = torch.from_numpy(numpy.array(image, dtype=numpy.uint8)).permute(2, 0, 1)[None]
        return self.normalize(pixels.to(parameter.device).float() / 255).to(parameter.dtype)

    def normalize(self, images: Tensor) -> Tensor:
        """Return RGB ``images`` ``[B, 3, H, W]`` in [0, 1] as the trunk expects them."""
        mean, std = (
            images.new_tensor(v)[:, None, None] for v in (self.config.mean, self.config.std)
        )
        return (images - mean) / std
