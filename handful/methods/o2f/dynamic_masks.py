"""A small network for each object, made by the large one (CondInst, arXiv 2003.05664, 3.2).

All objects go through their networks together. What that takes is in proportion to objects times
cells: about 3 MB an object for a picture of 800 x 1344 pixels, so 0.3 GB for the 100 that are
found at most. Learning, which has many more, takes them in parts: see ``mask_losses``.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from handful.nn.masks import MASK_STRIDE, aligned_bilinear

MASK_CHANNELS = 8
FEATURE_STRIDE = 8
LAYERS = ((2 + MASK_CHANNELS, 8), (8, 8), (8, 1))
"""Inputs and outputs of each layer; the first sees where a cell lies beside the features."""

WEIGHT_COUNTS = tuple(inputs * outputs for inputs, outputs in LAYERS)
BIAS_COUNTS = tuple(outputs for _, outputs in LAYERS)
PARAMETERS = sum(WEIGHT_COUNTS) + sum(BIAS_COUNTS)


class Instances(NamedTuple):
    """Objects whose masks are asked for, one row each.

    parameters: ``[N, 169]``. pictures: ``[N]``, which picture's features each reads. points:
    ``[N, 2]``, x and y in pixels, of the points that found them. strides: ``[N]`` of those.
    """

    parameters: Tensor
    pictures: Tensor
    points: Tensor
    strides: Tensor


def layers_of(parameters: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return weights ``[N, out, in]`` and biases ``[N, out, 1]`` of each layer.

    parameters: ``[N, 169]``, first the weights of all layers, then their biases.
    """
    parts = parameters.split([*WEIGHT_COUNTS, *BIAS_COUNTS], dim=1)
    weights, biases = parts[: len(LAYERS)], parts[len(LAYERS) :]
    return [
        (weight.unflatten(1, (outputs, inputs)), bias[..., None])
        for weight, bias, (inputs, outputs) in zip(weights, biases, LAYERS, strict=True)
    ]


def relative_coordinates(points: Tensor, strides: Tensor, size: tuple[int, int]) -> Tensor:
    """Return how far, and which way, each point lies from all cells: ``[N, 2, h, w]``, x first.

    points: ``[N, 2]`` in pixels. strides: ``[N]``, of the points; 8 of them count 1. size:
    (height, width) of the features.
    """
    height, width = size
    middle = FEATURE_STRIDE // 2
    columns, rows = (
        torch.arange(side, device=points.device, dtype=points.dtype) * FEATURE_STRIDE + middle
        for side in (width, height)
    )
    reach = FEATURE_STRIDE * strides.to(points)[:, None]
    across = (points[:, :1] - columns) / reach
    down = (points[:, 1:] - rows) / reach
    shape = (points.shape[0], height, width)
    return torch.stack([across[:, None, :].expand(shape), down[:, :, None].expand(shape)], dim=1)


def mask_logits(instances: Instances, features: Tensor) -> Tensor:
    """Return the masks ``[N, 2h, 2w]`` of ``instances`` at stride 4, as logits.

    features: ``[B, 8, h, w]`` of their pictures. Float32 whatever the network computes in.
    """
    size = (features.shape[-2], features.shape[-1])
    places = relative_coordinates(instances.points.float(), instances.strides, size)
    values = torch.cat([places, features[instances.pictures].float()], dim=1).flatten(2)
    layers = layers_of(instances.parameters.float())
    for depth, (weight, bias) in enumerate(layers):
        values = torch.baddbmm(bias, weight, values if depth == 0 else F.relu(values))
    maps = values.unflatten(2, size)
    return aligned_bilinear(maps, FEATURE_STRIDE // MASK_STRIDE)[:, 0]


def mask_chances(
    parameters: Tensor, features: Tensor, *, places: Tensor, points: Tensor, strides: Tensor
) -> Tensor:
    """Return the masks ``[B, D, 2h, 2w]`` of detections, 0 to 1, at stride 4.

    parameters: ``[B, P, 169]`` of all points. features: ``[B, 8, h, w]``. places: ``[B, D]``, the
    point of each detection. points: ``[P, 2]`` in pixels. strides: ``[P]``.
    """
    batch, count = places.shape
    chosen = parameters.gather(1, places[..., None].expand(-1, -1, parameters.shape[-1]))
    pictures = torch.arange(batch, device=places.device)[:, None].expand(batch, count)
    rows = places.flatten()
    instances = Instances(
        chosen.flatten(0, 1), pictures.flatten(), points=points[rows], strides=strides[rows]
    )
    return mask_logits(instances, features).sigmoid().unflatten(0, (batch, count))
