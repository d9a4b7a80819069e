"""Feature maps on disk: written whole, gone on with, read by rows."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch

from handful.errors import DataError
from handful.memory.feature_store import FeatureStore, StoreCard

SHAPES = ((2, 3, 4), (2, 1, 2))


def card(**changes) -> StoreCard:
    values = {"model": "one", "shapes": SHAPES, "pictures": ("a", "b", "c"), **changes}
    return StoreCard(**values)


def maps(number: int) -> list[torch.Tensor]:
    return [torch.arange(24.0).reshape(SHAPES[0]) + 100 * number, torch.full(SHAPES[1], number)]


def test_rows_are_channels_of_pictures_in_order(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, card())
    for number in range(3):
        store.write(number, maps(number))
    rows = store.level(0).rows(numpy.array([5, 0, 3]))
    expected = torch.stack([maps(2)[0][1], maps(0)[0][0], maps(1)[0][1]]).flatten(1)
    assert torch.equal(rows, expected)
    assert store.level(1).rows(numpy.array([2])).tolist() == [[1.0, 1.0]]
    assert len(store.level(0)) == 6


def test_a_store_goes_on_where_it_stopped_and_replaces_what_was_cut(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, card())
    store.write(0, maps(0))
    store.write(1, maps(1))
    store.path(1).write_bytes(store.path(1).read_bytes()[:-4])
    assert FeatureStore(tmp_path, card()).missing() == [1, 2]


@pytest.mark.parametrize(
    "changes",
    [{"model": "two"}, {"shapes": ((2, 3, 4),)}, {"pictures": ("a", "b")}],
    ids=["model", "shapes", "pictures"],
)
def test_a_folder_of_something_else_is_refused(tmp_path: Path, changes) -> None:
    FeatureStore(tmp_path, card())
    with pytest.raises(DataError, match=next(iter(changes))):
        FeatureStore(tmp_path, card(**changes))


def test_maps_of_another_size_are_refused(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, card())
    with pytest.raises(DataError, match="another size"):
        store.write(0, [torch.zeros(2, 3, 5), torch.zeros(SHAPES[1])])


def test_a_file_cut_after_writing_is_named(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path, card())
    store.write(0, maps(0))
    store.path(0).write_bytes(b"")
    with pytest.raises(DataError, match="000000.maps"):
        store.level(0).rows(numpy.array([1]))
