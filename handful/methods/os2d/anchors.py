"""The box that belongs to each feature cell."""

from __future__ import annotations

import torch
from torch import Tensor


def feature_map_size(image_size: tuple[int, int], stride: int) -> tuple[int, int]:
    """Return (height, width) in cells of the map of an ``image_size`` (height, width) picture."""
    height, width = image_size
    return -(-height // stride), -(-width // stride)


def anchor_boxes(
    map_size: tuple[int, int], *, stride: int, side: float, device: torch.device | str = "cpu"
) -> Tensor:
    """Return the squares ``[h*w, 4]`` around the cells, row by row, not clipped to the picture."""
    height, width = map_size
    y = (torch.arange(height, device=device) + 0.5) * stride
    x = (torch.arange(width, device=device) + 0.5) * stride
    centers = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).reshape(-1, 2)
    return torch.cat([centers - side / 2, centers + side / 2], dim=1)


def cut_windows(
    anchors: Tensor, image_size: tuple[int, int], crop_size: tuple[int, int], *, stride: int
) -> Tensor:
    """Return the window ``[N, 4]`` of ``crop_size`` (height, width) around each anchor ``[N, 4]``.

    Windows start on cell borders, so that cells keep their places, and lie inside the
    picture of ``image_size`` (height, width) where that is large enough.
    """
    size = anchors.new_tensor([crop_size[1], crop_size[0]])
    room = anchors.new_tensor([image_size[1], image_size[0]]) - size
    center = (anchors[:, :2] + anchors[:, 2:]) / 2
    start = (torch.minimum(center - size / 2, room) / stride).floor().clamp(min=0) * stride
    return torch.cat([start, start + size], dim=1)
