from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from handful.nn.window_pool import by_matrices, window_averages


@pytest.mark.parametrize("size", [(10, 10), (2, 3), (13, 7), (80, 45), (1, 1)])
@pytest.mark.parametrize("windows", [(10, 10), (5, 2)])
def test_matrices_average_as_the_operator_does(size, windows):
    maps = torch.randn(2, 3, *size)
    expected = F.adaptive_avg_pool2d(maps, windows)
    torch.testing.assert_close(by_matrices(maps, windows), expected)
    assert torch.equal(window_averages(maps, windows), expected)
