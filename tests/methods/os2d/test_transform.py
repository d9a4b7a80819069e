from __future__ import annotations

import pytest
import torch

from handful.methods.os2d.transform import identity_parameters, parameters_to_matrices


def matrix(values: list[float], *, inverse: bool) -> torch.Tensor:
    return parameters_to_matrices(torch.tensor([values]), inverse=inverse)[0]


def test_six_parameters_are_the_rows() -> None:
    found = matrix([1.0, 2, 3, 4, 5, 6], inverse=False)
    assert found.tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def test_four_parameters_are_scales_and_shifts() -> None:
    assert matrix([2.0, 3, 4, 5], inverse=False).tolist() == [[2.0, 0.0, 3.0], [0.0, 4.0, 5.0]]


@pytest.mark.parametrize("count", [4, 6])
@pytest.mark.parametrize("inverse", [False, True])
def test_identity_parameters_leave_everything_in_place(count: int, inverse: bool) -> None:
    found = matrix(list(identity_parameters(count)), inverse=inverse)
    assert torch.equal(found.abs(), torch.tensor([[1.0, 0, 0], [0, 1, 0]]))


def test_inverse_undoes_the_map() -> None:
    values = [1.5, 0.3, -0.2, 0.4, 0.8, 0.1]
    forward, back = matrix(values, inverse=False), matrix(values, inverse=True)
    bottom = torch.tensor([[0.0, 0, 1]])
    both = torch.cat([forward, bottom]) @ torch.cat([back, bottom])
    assert torch.allclose(both, torch.eye(3), atol=1e-6)


@pytest.mark.parametrize("values", [[1.0, 2, 0, 2, 4, 0], [0.0] * 6, [1.0, 0, 0, 0, 0, 0]])
def test_a_map_without_inverse_gives_finite_numbers_and_spares_its_neighbours(
    values: list[float],
) -> None:
    neighbour = [2.0, 0, 0, 0, 4, 0]
    found = parameters_to_matrices(torch.tensor([values, neighbour]), inverse=True)
    assert found.isfinite().all()
    assert torch.equal(found[1].abs(), torch.tensor([[0.5, 0, 0], [0, 0.25, 0]]))
