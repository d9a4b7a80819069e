from __future__ import annotations

import pytest
import torch

from handful.nn.found import Found
from handful.nn.originals import WayBack, on_originals

FOUND = Found(
    torch.tensor([[[10.0, 10, 40, 30], [-10, 10, 30, 30], [50, 0, 50, 10], [0, 0, 0, 0]]]),
    torch.tensor([[0.9, 0.8, 0.7, 0]]),
    torch.zeros(1, 4).long(),
    torch.tensor([3]),
)


@pytest.mark.parametrize(
    ("way", "factors"),
    [(WayBack(one_ratio=True), (2.0, 2.0)), (WayBack(), (2.0, 100 / 49))],
    ids=["one ratio", "an axis its own"],
)
def test_boxes_return_to_the_original(way, factors):
    (ours,) = on_originals(
        FOUND, torch.tensor([[49, 100]]), [(100, 200)], class_names=("a",), way=way
    )
    expected = FOUND.boxes[0, :3] * torch.tensor(factors * 2)
    torch.testing.assert_close(ours.boxes, expected)
    assert (ours.image_size, ours.names()) == ((100, 200), ["a"] * 3)


def test_clipped_boxes_of_which_nothing_is_left_go():
    (one,) = on_originals(
        FOUND,
        torch.tensor([[50, 100]]),
        [(100, 300)],
        class_names=("cup",),
        way=WayBack(clipped=True),
    )
    assert one.boxes.tolist() == [[30, 20, 120, 60], [0, 20, 90, 60]]
    assert one.scores.tolist() == pytest.approx([0.9, 0.8])
