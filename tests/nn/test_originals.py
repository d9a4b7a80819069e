from __future__ import annotations

import pytest
import torch

from handful.data.transforms import fitted_size
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
    [
        (WayBack(frame=(100, 100)), (2.0, 2.0)),
        (WayBack(frame=(640, 640)), (2.0, 2.0)),
        (WayBack(), (2.0, 99 / 49)),
    ],
    ids=["one factor", "shown at another size", "an axis its own"],
)
def test_boxes_return_to_the_original(way, factors):
    (ours,) = on_originals(
        FOUND, torch.tensor([[49, 100]]), [(99, 200)], class_names=("a",), way=way
    )
    expected = FOUND.boxes[0, :3] * torch.tensor(factors * 2)
    torch.testing.assert_close(ours.boxes, expected)
    assert (ours.image_size, ours.names()) == ((99, 200), ["a"] * 3)


@pytest.mark.parametrize("side", [416, 640])
@pytest.mark.parametrize("part", [1.0, 0.5], ids=["square", "wide"])
def test_the_factor_is_exact_for_every_side(side: int, part: float) -> None:
    # 23 * (416 / 23) is less than 416 in floating point: there the longer side is cut, too.
    originals = [(max(1, round(n * part)), n) for n in range(1, 4001)]
    sizes = torch.tensor([fitted_size(one, (side, side)) for one in originals])
    count = len(originals)
    found = Found(
        torch.full((count, 1, 4), float(side)),
        torch.ones(count, 1),
        torch.zeros(count, 1).long(),
        torch.ones(count).long(),
    )
    way = WayBack(frame=(side, side))
    ours = on_originals(found, sizes, originals, class_names=("a",), way=way)
    boxes = torch.cat([one.boxes for one in ours]).double()
    expected = torch.arange(1, count + 1)[:, None].expand(-1, 4).double()
    assert (sizes[:, 1] < side).any()
    torch.testing.assert_close(boxes, expected, rtol=3e-7, atol=0)


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
