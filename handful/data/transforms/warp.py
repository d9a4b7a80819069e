"""Moving the pixels of a picture by an affine map, fast, on 8 bits."""

from __future__ import annotations

import numpy
import torch
from torch import Tensor

_STEPS = 32
"""Positions between two pixels, each way: OpenCV's grid of weights."""
_STEP_BITS = 5
_LANE = 21
"""Bits kept for each channel, three to an integer of 64: 255 * 32 * 32 takes 18."""
_HALVES = numpy.uint64(sum((_STEPS * _STEPS // 2) << (_LANE * channel) for channel in range(3)))
_MARGIN = 2
"""Pixels of padding around the picture, so that what lies outside mixes with it as it should."""
_ROWS = 32
"""Rows done at once: few enough for the processor's cache."""

Bounds = tuple[int, int, int, int]


def warped_pixels(image: Tensor, matrix: numpy.ndarray, size: tuple[int, int], fill: int) -> Tensor:
    """Return ``image`` ``[3, h, w]`` uint8 moved by ``matrix`` into a picture of ``size``.

    matrix: ``[2, 3]``, takes (x, y, 1) to the new (x, y), between pixel centres counted from 0.
    Weights are those of OpenCV's bilinear warp, in steps of 1/32 pixel; what comes from outside
    the picture is ``fill``. Only what the new picture shows is looked at.
    """
    result = numpy.full((*size, 3), fill, dtype=numpy.uint8)
    back = numpy.linalg.inv(numpy.vstack([matrix, [0.0, 0.0, 1.0]]))[:2]
    height, width = image.shape[-2:]
    left, top, right, bottom = _reached(matrix, (-1, -1, width, height), limits=size)
    if left < right and top < bottom:
        window = _reached(back, (left, top, right - 1, bottom - 1), limits=(height, width))
        corner = numpy.array([window[0], window[1]])
        source = _packed(image, window, fill)
        # Coordinates within the packed window, whose margin comes first.
        inside = numpy.column_stack([back[:, :2], back[:, 2] - corner + _MARGIN])
        for first in range(top, bottom, _ROWS):
            rows = numpy.arange(first, min(first + _ROWS, bottom))
            result[rows[0] : rows[-1] + 1, left:right] = _sampled(
                source, inside, rows, numpy.arange(left, right)
            )
    return torch.from_numpy(result).permute(2, 0, 1)


def _reached(matrix: numpy.ndarray, bounds: Bounds, *, limits: tuple[int, int]) -> Bounds:
    """Return the whole pixels within ``limits`` (height, width) that ``bounds`` are taken to."""
    left, top, right, bottom = bounds
    corners = numpy.array(
        [[left, right, left, right], [top, top, bottom, bottom], [1, 1, 1, 1]], dtype=float
    )
    places = matrix @ corners
    # One pixel more, because positions are rounded and each mixes with its neighbour.
    first = numpy.floor(places.min(axis=1)) - 1
    last = numpy.ceil(places.max(axis=1)) + 2
    height, width = limits
    span_x = numpy.clip([first[0], last[0]], 0, width).astype(int)
    span_y = numpy.clip([first[1], last[1]], 0, height).astype(int)
    return int(span_x[0]), int(span_y[0]), int(span_x[1]), int(span_y[1])


def _packed(image: Tensor, window: Bounds, fill: int) -> numpy.ndarray:
    """Return the window ``[h, w]`` with a margin, the three channels in one integer a pixel."""
    left, top, right, bottom = window
    part = image[:, top:bottom, left:right].numpy()
    height, width = bottom - top + 2 * _MARGIN, right - left + 2 * _MARGIN
    packed = numpy.empty((height, width), dtype=numpy.uint64)
    packed[...] = sum(fill << (_LANE * channel) for channel in range(3))
    inner = packed[_MARGIN : height - _MARGIN, _MARGIN : width - _MARGIN]
    inner[...] = part[2]
    for channel in (1, 0):
        inner <<= numpy.uint64(_LANE)
        inner |= part[channel]
    return packed


def _sampled(
    source: numpy.ndarray, matrix: numpy.ndarray, rows: numpy.ndarray, columns: numpy.ndarray
) -> numpy.ndarray:
    """Return the pixels ``[rows, columns, 3]`` that ``matrix`` finds in the packed ``source``."""
    height, width = source.shape
    row, share_down = _split(matrix[1], rows, columns, limit=height)
    column, share_across = _split(matrix[0], rows, columns, limit=width)
    flat = source.reshape(-1)
    place = row * width + column
    rest_across = _STEPS - share_across
    upper = flat.take(place) * rest_across
    upper += flat.take(place + 1) * share_across
    place += width
    lower = flat.take(place) * rest_across
    lower += flat.take(place + 1) * share_across
    upper *= _STEPS - share_down
    lower *= share_down
    upper += lower
    upper += _HALVES
    upper >>= numpy.uint64(2 * _STEP_BITS)
    pixels = numpy.empty((len(rows), len(columns), 3), dtype=numpy.uint8)
    for channel in range(3):
        # What is above the lowest byte of a lane belongs to the next one, and falls away.
        pixels[..., channel] = upper >> numpy.uint64(_LANE * channel)
    return pixels


def _split(
    weights: numpy.ndarray, rows: numpy.ndarray, columns: numpy.ndarray, *, limit: int
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return, for each output pixel, the pixel before its origin and the share of the next."""
    along = weights[0] * columns * _STEPS
    down = (weights[1] * rows + weights[2]) * _STEPS
    position = numpy.rint(along + down[:, None]).astype(numpy.int32)
    before = numpy.clip(position >> _STEP_BITS, 0, limit - 2)
    return before, (position & (_STEPS - 1)).astype(numpy.uint64)
