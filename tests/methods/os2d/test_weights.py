from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from os2d_reference import stand_in_state
from torch import Tensor

from handful.errors import ConfigError, WeightsError
from handful.methods.os2d.config import V2
from handful.methods.os2d.weights import CLASS_TRUNK, REGRESSOR, TRUNK, convert_os2d_state

State = dict[str, Tensor]


@pytest.fixture(scope="module")
def official() -> State:
    return stand_in_state(V2)


def test_the_class_branch_is_dropped_and_the_rest_renamed(official: State) -> None:
    converted, config = convert_os2d_state(official, "v2")
    assert config == V2
    assert len(converted) == 258 + 16
    assert torch.equal(
        converted["trunk.layer1.0.conv1.weight"], official[f"{TRUNK}layer1.0.conv1.weight"]
    )
    assert torch.equal(
        converted["head.transform_net.convs.1.weight"], official[f"{REGRESSOR}conv.3.weight"]
    )


def _without(key: str) -> Callable[[State], State]:
    return lambda state: {k: v for k, v in state.items() if k != key}


def _with(key: str, value: Tensor) -> Callable[[State], State]:
    return lambda state: {**state, key: value}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without(f"{TRUNK}conv1.weight"), "lacks an entry.*conv1.weight"),
        (_without(f"{CLASS_TRUNK}bn1.bias"), "lacks an entry.*class_features.bn1.bias"),
        (_without(f"{REGRESSOR}linear.weight"), "lacks an entry.*linear.weight"),
        (_with(f"{TRUNK}bn1.bias", torch.zeros(3)), r"wrong shape.*got \[3\], expected \[64\]"),
        (_with(f"{CLASS_TRUNK}bn1.bias", torch.ones(64)), "branch differs.*bn1.bias"),
        (_with("net_extra.weight", torch.ones(1)), "does not have.*net_extra.weight"),
        (lambda _: {}, "no OS2D trunk"),
    ],
    ids=["missing", "no-twin", "no-head", "shape", "unmerged", "left-over", "empty"],
)
def test_anything_odd_is_named(
    official: State, spoil: Callable[[State], State], message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        convert_os2d_state(spoil(official), "v2")


def test_the_wrong_variant_is_refused(official: State) -> None:
    with pytest.raises(WeightsError, match="not an OS2D V1.*Try variant v2"):
        convert_os2d_state(official, "v1")
    with pytest.raises(ConfigError, match="variant"):
        convert_os2d_state(official, "v3")  # type: ignore[arg-type]
