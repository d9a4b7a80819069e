"""Matching class templates against a scene: correlation, transform, score, box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from handful.boxes.coding import at_least, encode_boxes
from handful.methods.os2d.anchors import anchor_boxes
from handful.methods.os2d.config import OS2DConfig
from handful.methods.os2d.convolution import searches_on_cpu
from handful.methods.os2d.resample import (
    cell_centers,
    inner_cells,
    sample_scores,
    sampling_grid,
    template_points,
)
from handful.methods.os2d.transform import TransformNet, parameters_to_matrices

FEATURE_EPSILON = 1e-5
CORRELATION_EPSILON = 1e-6
SMALLEST_SIDE = 1.0
"""Predicted boxes are at least this many pixels wide and high."""

CELLS_AT_ONCE = 9600
"""Cells, times templates, that a CPU matches together; more would fall out of its cache."""


class Matches(NamedTuple):
    """What matching says about every class at every cell.

    loc: ``[..., K, 4, N]`` box offsets from the anchors. scores: ``[..., K, N]`` in [-1, 1].
    corners: ``[..., K, 8, N]`` x, y of the mapped template's top-left, top-right, bottom-left
    and bottom-right corner, in pixels. fixed_scores: the values of ``scores``, without
    gradient to the transform.
    """

    loc: Tensor
    scores: Tensor
    corners: Tensor
    fixed_scores: Tensor


def joined_matches(parts: Sequence[Matches]) -> Matches:
    """Return as one the matches ``[B, K, ...]`` of different templates, made without gradients."""
    scores = torch.cat([part.scores for part in parts], dim=1)
    return Matches(
        loc=torch.cat([part.loc for part in parts], dim=1),
        scores=scores,
        corners=torch.cat([part.corners for part in parts], dim=1),
        fixed_scores=scores,
    )


class MatchingHead(nn.Module):
    """Slides every template over a feature map, bent at each cell by the transform net."""

    inner_points: Tensor

    def __init__(self, config: OS2DConfig) -> None:
        super().__init__()
        self.config = config
        self.transform_net = TransformNet(config)
        inner = template_points(config.template_size, config.template_border)
        self.register_buffer("inner_points", inner, persistent=False)

    def correlate(self, features: Tensor, templates: Tensor) -> Tensor:
        """Return cosines ``[B*K, T*T, h, w]`` of template cells (x outer, y inner) and scene cells.

        features: ``[B, C, h, w]`` raw. templates: ``[K, C, T, T]`` of unit length.
        """
        return cosines(unit_length(features, FEATURE_EPSILON), templates)

    def parameters_of(self, correlation: Tensor) -> Tensor:
        """Return the transform's parameters ``[N, P, h, w]`` from cosines ``[N, T*T, h, w]``."""
        if not searches_on_cpu(correlation):
            return self.transform_net(unit_length(torch.relu(correlation), CORRELATION_EPSILON))
        # The same in one buffer, where a cell's channels, which are read together, lie together.
        cells = torch.empty_like(correlation, memory_format=torch.channels_last)
        cells.copy_(correlation).relu_()
        return self.transform_net(unit_length(cells, CORRELATION_EPSILON, overwrite=True))

    def forward(self, features: Tensor, templates: Tensor) -> Matches:
        """Match ``templates`` ``[K, C, T, T]`` with raw ``features`` ``[B, C, h, w]``.

        Without gradients, a CPU takes so many templates at a time as stay in its cache.
        """
        scene = unit_length(features, FEATURE_EPSILON)
        at_once = max(1, len(templates))
        if searches_on_cpu(features):
            at_once = max(1, CELLS_AT_ONCE // (scene.shape[0] * scene.shape[2] * scene.shape[3]))
        parts = [self.match_scene(scene, chunk) for chunk in templates.split(at_once)]
        return parts[0] if len(parts) == 1 else joined_matches(parts)

    def match_scene(self, scene: Tensor, templates: Tensor) -> Matches:
        """Match ``templates`` ``[K, C, T, T]`` with unit-length features ``[B, C, h, w]``."""
        correlation = cosines(scene, templates)
        parameters = at_least_single(self.parameters_of(correlation))
        matrices = parameters_to_matrices(parameters, inverse=self.config.inverse)
        corners = self.corners(matrices)
        scores, fixed_scores = self.scores(correlation, matrices)
        shape = (scene.shape[0], templates.shape[0])
        return Matches(
            loc=self.encode(corners).flatten(2).unflatten(0, shape),
            scores=scores.flatten(1).unflatten(0, shape),
            corners=corners.flatten(2).unflatten(0, shape),
            fixed_scores=fixed_scores.flatten(1).unflatten(0, shape),
        )

    def scores(self, correlation: Tensor, matrices: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean cosine ``[N, h, w]`` under the maps; the second holds them fixed."""
        config = self.config
        half_size = config.anchor_side / config.feature_stride / 2
        grid = sampling_grid(matrices, self.inner_points, half_size=half_size)
        inner = inner_cells(correlation, config.template_border).to(grid.dtype)
        scores = sample_scores(inner, grid)
        return scores, sample_scores(inner, grid.detach()) if grid.requires_grad else scores

    def corners(self, matrices: Tensor) -> Tensor:
        """Return the template's mapped corners ``[N, 8, h, w]``, in pixels of the picture."""
        config = self.config
        centers = cell_centers(*matrices.shape[-2:], like=matrices) * config.feature_stride
        axis_x, axis_y, shift = (matrices * (config.anchor_side / 2)).unbind(2)
        middle = shift + centers.permute(2, 0, 1)
        corners = [
            middle + across * axis_x + down * axis_y
            for across, down in ((-1, -1), (1, -1), (-1, 1), (1, 1))
        ]
        return torch.cat(corners, dim=1)

    def encode(self, corners: Tensor) -> Tensor:
        """Return the offsets ``[N, 4, h, w]`` of the boxes around mapped ``corners``.

        An affine map takes the template's extremes to its corners, so they alone decide.
        """
        config = self.config
        points = corners.unflatten(1, (4, 2))
        boxes = torch.cat([points.amin(dim=1), points.amax(dim=1)], dim=1).movedim(1, -1)
        map_size = (corners.shape[-2], corners.shape[-1])
        anchors = anchor_boxes(
            map_size, stride=config.feature_stride, side=config.anchor_side, device=corners.device
        ).to(corners.dtype)
        loc = encode_boxes(at_least(boxes, SMALLEST_SIDE), anchors.reshape(*map_size, 4))
        return loc.movedim(-1, 1)


def cosines(scene: Tensor, templates: Tensor) -> Tensor:
    """Return ``[B*K, T*T, h, w]`` of ``scene`` ``[B, C, h, w]`` and ``templates``, unit vectors."""
    batch, _, height, width = scene.shape
    cells = templates.permute(0, 3, 2, 1).flatten(0, 2)
    products = cells.to(scene.dtype) @ scene.flatten(2)
    return products.reshape(batch * len(templates), -1, height, width)


def unit_length(x: Tensor, epsilon: float, *, overwrite: bool = False) -> Tensor:
    """Return ``x`` ``[N, C, ...]`` divided by its length over channels plus ``epsilon``.

    overwrite: the result may take the place of ``x``.
    """
    single = at_least_single(x)
    length = torch.linalg.vector_norm(single, dim=1, keepdim=True) + epsilon
    return (single.div_(length) if overwrite else single / length).to(x.dtype)


def at_least_single(x: Tensor) -> Tensor:
    """Return ``x`` in float32, or double if it is: half is too coarse for lengths and places."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
