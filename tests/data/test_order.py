from itertools import islice

import pytest

from handful.data.order import grouped_parts, sample_randomness, shuffled


def test_every_pass_holds_every_position_in_a_new_order():
    drawn = list(islice(shuffled(range(3, 33), seed=1), 90))
    passes = [drawn[i : i + 30] for i in (0, 30, 60)]
    assert all(sorted(one) == list(range(3, 33)) for one in passes)
    assert len({tuple(one) for one in passes}) == 3


def test_order_is_the_seeds():
    first, same, other = (list(islice(shuffled(range(50), seed), 50)) for seed in (1, 1, 2))
    assert first == same != other


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_parts_share_a_group_and_lose_no_sample(size):
    groups = [0, 0, 1, 0, 1, 0, 0]
    parts = list(islice(grouped_parts(range(7), groups, size=size, seed=0), 40))
    assert all(len({groups[position] for _, position in part}) == 1 for part in parts)
    assert all(len(part) == size for part in parts)
    numbers = sorted(number for part in parts for number, _ in part)
    waiting = 2 * (size - 1)
    assert len(set(numbers)) == len(numbers)
    assert numbers[-1] < len(numbers) + waiting


def test_a_lonely_picture_fills_its_own_parts():
    parts = list(islice(grouped_parts([4, 9], [0, 1], size=2, seed=0), 4))
    assert {tuple(position for _, position in part) for part in parts} == {(4, 4), (9, 9)}


def test_samples_draw_independently():
    first = [sample_randomness(0, number).random() for number in range(20)]
    assert len(set(first)) == 20
    assert first == [sample_randomness(0, number).random() for number in range(20)]
    assert first[0] != sample_randomness(1, 0).random()
