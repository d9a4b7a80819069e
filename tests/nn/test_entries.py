import pytest
import torch

from handful.errors import WeightsError
from handful.nn.entries import require_same_entries

EXPECTED = {"a": torch.zeros(2), "b": torch.zeros(1, 3)}


def test_the_same_entries_pass_whatever_they_hold():
    require_same_entries({"b": torch.ones(1, 3), "a": torch.ones(2)}, EXPECTED, network="net")


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"a": torch.zeros(2)}, "lacks an entry.*'b'.*got 1 of them, expected a net"),
        ({**EXPECTED, "c": torch.zeros(1)}, "unknown entry.*'c'.*got 1 of them"),
        ({**EXPECTED, "a": torch.zeros(4)}, r"wrong shape.*'a'.*got \[4\], expected \[2\]"),
    ],
)
def test_the_first_entry_that_does_not_fit_is_named(state, message):
    with pytest.raises(WeightsError, match=message):
        require_same_entries(state, EXPECTED, network="net")
