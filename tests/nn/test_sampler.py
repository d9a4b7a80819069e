from __future__ import annotations

import pytest
import torch

from handful.nn.sampler import random_permutation, sample_rows


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"),
    [(10, 20, (4, 4)), (2, 20, (2, 6)), (0, 20, (0, 8)), (10, 1, (4, 1)), (0, 0, (0, 0))],
)
def test_counts(positives: int, negatives: int, expected: tuple[int, int]) -> None:
    positive = torch.arange(positives + negatives) < positives
    rows = sample_rows(
        positive, ~positive, count=8, positive_part=0.5, permutation=random_permutation()
    )
    assert (len(rows[0]), len(rows[1])) == expected
    assert positive[rows[0]].all() and not positive[rows[1]].any()
    assert len(set(torch.cat(rows).tolist())) == sum(expected)


def test_rows_that_are_neither_are_never_drawn() -> None:
    nothing = torch.zeros(5, dtype=torch.bool)
    rows = sample_rows(nothing, nothing, count=4, positive_part=0.5, permutation=torch.arange)
    assert [len(part) for part in rows] == [0, 0]


def test_an_injected_order_decides() -> None:
    mask = torch.ones(6, dtype=torch.bool)
    rows, _ = sample_rows(
        mask, ~mask, count=3, positive_part=1, permutation=lambda n: torch.arange(n).flip(0)
    )
    assert rows.tolist() == [5, 4, 3]


def test_one_generator_gives_one_order() -> None:
    first, second = (random_permutation(torch.Generator().manual_seed(3))(50) for _ in range(2))
    assert torch.equal(first, second)
