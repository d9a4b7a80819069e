from __future__ import annotations

import pytest
import torch

from handful.nn.gradient_gate import GradientGate


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_only_what_lies_behind_the_gate_is_scaled(scale: float) -> None:
    gate = GradientGate(3, scale=scale)
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    gate(x).sum().backward()
    assert x.grad is not None and gate.weight.grad is not None and gate.bias.grad is not None
    assert torch.equal(x.grad, torch.full_like(x, scale))
    assert torch.allclose(gate.weight.grad[0, :, 0, 0], x.sum(dim=(0, 2, 3)), atol=1e-5)
    assert gate.bias.grad.flatten().tolist() == [32.0] * 3


def test_a_new_gate_changes_nothing_forward() -> None:
    x = torch.randn(1, 3, 2, 2)
    assert torch.equal(GradientGate(3, scale=0.1)(x), x)
