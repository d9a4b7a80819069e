from __future__ import annotations

import torch

from handful.nn.padding import pad_rows, places_by_group


def test_rows_go_to_their_picture_in_order_and_stop_at_the_limit() -> None:
    pictures = torch.tensor([1, 0, 1, 1, 0])
    (values,), counts = pad_rows((torch.tensor([1.0, 2, 3, 4, 5]),), pictures, batch=3, limit=2)
    assert values.tolist() == [[2, 5], [1, 3], [0, 0]]
    assert counts.tolist() == [2, 2, 0]


def test_no_rows_give_padding_only() -> None:
    (boxes,), counts = pad_rows(
        (torch.zeros(0, 4),), torch.zeros(0, dtype=torch.long), batch=2, limit=3
    )
    assert boxes.shape == (2, 3, 4)
    assert counts.tolist() == [0, 0]


def test_rows_keep_their_order_within_a_group() -> None:
    groups = torch.tensor([2, 0, 2, 3, 0])
    expected = groups.argsort(stable=True).argsort()
    assert places_by_group(groups, 5).tolist() == expected.tolist()
    assert places_by_group(groups[:0], 5).tolist() == []
