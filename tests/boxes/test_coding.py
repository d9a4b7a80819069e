from __future__ import annotations

import math

import pytest
import torch

from handful.boxes import decode_boxes, encode_boxes
from handful.boxes.coding import LOG_SCALE_LIMIT, at_least


def test_encoding_of_a_shifted_and_stretched_box() -> None:
    offsets = encode_boxes(torch.tensor([[10.0, 0, 30, 10]]), torch.tensor([[0.0, 0, 10, 10]]))
    assert offsets[0].tolist() == pytest.approx([15.0, 0.0, 5 * math.log(2), 0.0])


def test_decoding_undoes_encoding() -> None:
    torch.manual_seed(0)
    near = torch.rand(50, 2) * 100
    boxes = torch.cat([near, near + 1 + torch.rand(50, 2) * 50], dim=1)
    reference = boxes.roll(1, dims=0)
    assert torch.allclose(decode_boxes(encode_boxes(boxes, reference), reference), boxes, atol=1e-3)


def test_wild_offsets_are_limited() -> None:
    box = decode_boxes(torch.tensor([[0.0, 0, 1e4, 0]]), torch.tensor([[0.0, 0, 16, 16]]))
    assert (box[0, 2] - box[0, 0]).item() == pytest.approx(16 * math.exp(LOG_SCALE_LIMIT))


def test_at_least_keeps_the_corner_and_stops_the_gradient_of_short_sides() -> None:
    boxes = torch.tensor([[5.0, 5, 2, 9]], requires_grad=True)
    long = at_least(boxes, 1.0)
    assert long.tolist() == [[5.0, 5.0, 6.0, 9.0]]
    long.sum().backward()
    assert boxes.grad is not None
    assert boxes.grad.tolist() == [[0.0, 1.0, 0.0, 1.0]]


def test_boxes_that_cover_their_last_pixel_are_a_pixel_larger() -> None:
    reference = torch.tensor([[0.0, 0, 9, 19]])
    boxes = torch.tensor([[10.0, 0, 19, 19]])
    offsets = encode_boxes(boxes, reference, weights=(1, 1, 1, 1), extra=1.0)
    assert offsets.tolist() == [[1.0, 0.0, 0.0, 0.0]]
    assert torch.equal(decode_boxes(offsets, reference, weights=(1, 1, 1, 1), extra=1.0), boxes)


@pytest.mark.parametrize(("limited", "factor"), [(True, 16 / 1000), (False, math.exp(-9))])
def test_shrinking_is_limited_where_asked(limited: bool, factor: float) -> None:
    offsets, reference = torch.tensor([[0.0, 0, -45, 0]]), torch.tensor([[0.0, 0, 100, 100]])
    box = decode_boxes(offsets, reference, limit_shrinking=limited)
    assert (box[0, 2] - box[0, 0]).item() == pytest.approx(100 * factor, rel=1e-2)
