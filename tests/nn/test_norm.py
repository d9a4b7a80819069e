from __future__ import annotations

from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from handful.errors import ConfigError
from handful.nn.norm import FrozenNorm, HeldNorm, folded, folded_once, norm_named, normalized

AnyNorm = TypeVar("AnyNorm", FrozenNorm, HeldNorm)


def filled(norm: AnyNorm) -> AnyNorm:
    with torch.no_grad():
        for vector in (norm.weight, norm.bias, norm.running_mean):
            vector.normal_()
        norm.running_var.uniform_(0.5, 1.5)
    return norm


def test_frozen_norm_is_batch_norm_with_held_statistics() -> None:
    torch.manual_seed(0)
    frozen = filled(FrozenNorm(6))
    usual = nn.BatchNorm2d(6).eval()
    usual.load_state_dict(frozen.state_dict(), strict=False)
    x = torch.randn(2, 6, 3, 4)
    assert torch.allclose(frozen.train()(x), usual(x), atol=1e-5)
    assert not list(frozen.parameters())


def test_a_new_frozen_norm_changes_nothing() -> None:
    x = torch.randn(1, 4, 2, 2)
    assert torch.allclose(FrozenNorm(4)(x), x, atol=1e-6)


def test_scaled_kernels_give_the_same_map_and_gradients() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 6, 3, stride=2, padding=1, bias=False)
    norm = filled(FrozenNorm(6))
    x, upstream = torch.randn(2, 3, 9, 8), torch.randn(2, 6, 5, 4)
    plain = norm(convolution(x))
    (expected,) = torch.autograd.grad(plain, convolution.weight, upstream)
    joined = normalized(convolution, norm, x)
    (gradient,) = torch.autograd.grad(joined, convolution.weight, upstream)
    assert torch.allclose(joined, plain, atol=1e-5)
    assert torch.allclose(gradient, expected, atol=1e-4)


@pytest.mark.parametrize("kind", [FrozenNorm, HeldNorm])
def test_passes_that_share_scaled_kernels_learn_the_same(
    kind: type[FrozenNorm] | type[HeldNorm],
) -> None:
    torch.manual_seed(0)
    convolution, norm = nn.Conv2d(3, 6, 3, bias=False), filled(kind(6)).eval()
    views = torch.randn(2, 3, 9, 8), torch.randn(1, 3, 5, 5)
    learnt = [convolution.weight, *norm.parameters()]

    def gradients() -> tuple[Tensor, ...]:
        maps = [normalized(convolution, norm, view) for view in views]
        return torch.autograd.grad(sum(one.square().sum() for one in maps), learnt)  # type: ignore[arg-type]

    expected = gradients()
    with folded_once():
        assert folded(convolution, norm)[0] is folded(convolution, norm)[0]
        torch.testing.assert_close(gradients(), expected)
    with torch.no_grad():
        convolution.weight.mul_(2)
    assert torch.allclose(
        normalized(convolution, norm, views[0]), norm(convolution(views[0])), atol=1e-5
    )


def test_held_norm_learns_its_weights_but_not_its_statistics() -> None:
    torch.manual_seed(0)
    convolution, held = nn.Conv2d(3, 6, 3, bias=False), filled(HeldNorm(6))
    usual = nn.BatchNorm2d(6)
    usual.load_state_dict(held.state_dict(), strict=True)
    usual.eval()
    x, upstream = torch.randn(2, 3, 9, 8), torch.randn(2, 6, 7, 6)
    held.train()
    learnt = [convolution.weight, *held.parameters()]
    joined = normalized(convolution, held, x)
    plain = usual(convolution(x))
    assert torch.allclose(joined, plain, atol=1e-5)
    gradients = torch.autograd.grad(joined, learnt, upstream)
    expected = torch.autograd.grad(plain, [convolution.weight, *usual.parameters()], upstream)
    for one, other in zip(gradients, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-4)
    assert usual.running_mean is not None
    assert torch.equal(held.running_mean, usual.running_mean)


def test_other_norms_are_applied_after_the_convolution() -> None:
    convolution, norm = nn.Conv2d(3, 32, 1, bias=False), norm_named("group")(32)
    x = torch.randn(1, 3, 4, 4)
    assert torch.equal(normalized(convolution, norm, x), norm(convolution(x)))


def test_unknown_norm_is_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'frozen'"):
        norm_named("frozn")
