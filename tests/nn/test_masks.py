from __future__ import annotations

import pytest
import torch

from handful.nn import masks
from handful.nn.found import Found
from handful.nn.masks import aligned_bilinear, masks_on_original
from handful.nn.originals import WayBack, on_originals


def test_a_plane_stays_a_plane_in_the_middle():
    rows, columns = torch.meshgrid(torch.arange(6.0), torch.arange(8.0), indexing="ij")
    plane = (2 * rows + columns)[None, None]
    larger = aligned_bilinear(plane, 4)
    assert larger.shape == (1, 1, 24, 32)
    # A cell's value stands at its middle, two pixels from its corner.
    assert torch.equal(larger[..., 2::4, 2::4], plane)
    assert larger[0, 0, 2, 2:29].diff().allclose(torch.full((26,), 0.25))


def chances(*windows, size=(16, 24)):
    values = torch.zeros(len(windows), *size)
    for one, (top, bottom, left, right) in zip(values, windows, strict=True):
        one[top:bottom, left:right] = 1
    return values


@pytest.mark.parametrize("at_once", [1, 10_000, 2**25])
def test_masks_return_to_the_original_however_many_at_once(at_once, monkeypatch):
    monkeypatch.setattr(masks, "_VALUES_AT_ONCE", at_once)
    found = masks_on_original(chances((4, 8, 4, 12), (0, 16, 0, 24)), (60, 90), (120, 180))
    assert found.shape == (2, 120, 180) and found.dtype == torch.bool
    rows, columns = found[0].nonzero().unbind(1)
    ends = [int(one) for one in (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1)]
    assert ends == pytest.approx([32, 64, 32, 96], abs=2)
    assert found[1].all()


def test_nothing_found_has_masks_of_nothing():
    assert masks_on_original(chances(), (60, 90), (7, 9)).shape == (0, 7, 9)


def test_boxes_that_are_dropped_take_their_masks_with_them():
    found = Found(
        torch.tensor([[[-50.0, 0, -10, 10], [4, 4, 40, 40]]]),
        torch.tensor([[0.9, 0.8]]),
        torch.tensor([[0, 0]]),
        torch.tensor([2]),
        chances((0, 1, 0, 1), (4, 8, 4, 12))[None],
    )
    way = WayBack(clipped=True)
    (ours,) = on_originals(found, torch.tensor([[64, 96]]), [(64, 96)], class_names=(), way=way)
    assert ours.masks is not None and ours.masks.shape == (1, 64, 96)
    assert int(ours.masks.sum()) == pytest.approx(16 * 32, rel=0.1)
