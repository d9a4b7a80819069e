import numpy
import pytest

from handful.evaluate import groups


@pytest.mark.parametrize(
    ("values", "starts", "ranks"),
    [
        ([], [], []),
        ([7], [True], [0]),
        ([3, 3, 1, 1, 1, 3], [True, False, True, False, False, True], [0, 1, 0, 1, 2, 0]),
    ],
)
def test_starts_and_ranks(values, starts, ranks):
    column = numpy.array(values, dtype=numpy.int64)
    assert groups.starts(column).tolist() == starts
    assert groups.rank(column).tolist() == ranks


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_pairs_are_all_equal_keys_in_order(at_once, monkeypatch):
    monkeypatch.setattr(groups, "PAIRS_AT_ONCE", at_once)
    random = numpy.random.default_rng(0)
    key, other = numpy.sort(random.integers(6, size=20)), numpy.sort(random.integers(6, size=15))
    blocks = list(groups.pairs(key, other))
    found = [pair for block in blocks for pair in zip(*map(list, block), strict=True)]
    assert found == [(i, j) for i in range(20) for j in range(15) if key[i] == other[j]]
    owners = [set(key[row].tolist()) for row, _ in blocks]
    assert sum(map(len, owners)) == len(set.union(*owners))
    assert (len(blocks) > 1) == (at_once < 1000)


def test_no_rows_no_pairs():
    nothing = numpy.zeros(0, numpy.int64)
    assert list(groups.pairs(nothing, numpy.array([1, 2]))) == []
    assert [len(row) for row, _ in groups.pairs(numpy.array([1, 2]), nothing)] == [0]
