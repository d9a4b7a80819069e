from __future__ import annotations

import pytest
import torch
from torch import nn

from handful.errors import ConfigError
from handful.recipes.settings import TrainSettings
from handful.train.optim import build_optimizer, parameter_groups, set_learning_rate


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.norm = nn.BatchNorm2d(4)
        self.scale = nn.ParameterDict({"weight": torch.ones(4), "bias": torch.zeros(4)})
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.shared = self.conv


def decays(settings: TrainSettings) -> dict[str, float]:
    groups = parameter_groups(Net(), settings)
    return {name: group["weight_decay"] for group in groups for name, _ in group["params"]}


def test_decay_follows_the_kind_of_parameter_and_frozen_ones_are_left_out():
    found = decays(TrainSettings(weight_decay=0.5, bias_decay=0.25, norm_decay=0.0))
    assert found == {
        "conv.weight": 0.5,
        "conv.bias": 0.25,
        "norm.weight": 0.0,
        "norm.bias": 0.0,
        "scale.weight": 0.5,
        "scale.bias": 0.25,
    }


def test_biases_may_learn_at_a_rate_of_their_own_but_not_those_of_norms():
    groups = parameter_groups(Net(), TrainSettings(lr=0.1, bias_lr=2.0))
    optimizer = build_optimizer(groups, TrainSettings(lr=0.1, bias_lr=2.0))
    found = {name: group["lr"] for group in optimizer.param_groups for name in group["param_names"]}
    assert {name for name, rate in found.items() if rate == 0.2} == {"conv.bias", "scale.bias"}
    assert set(found.values()) == {0.1, 0.2}


def test_without_other_word_all_parameters_decay_alike():
    groups = parameter_groups(Net(), TrainSettings(weight_decay=0.5))
    assert [group["weight_decay"] for group in groups] == [0.5]


def test_a_model_without_anything_to_learn_is_refused():
    with pytest.raises(ConfigError, match="nothing of this model would learn"):
        parameter_groups(nn.Linear(2, 2).requires_grad_(False), TrainSettings())


@pytest.mark.parametrize(
    ("settings", "kind", "values"),
    [
        (
            TrainSettings(lr=0.1, nesterov=True),
            torch.optim.SGD,
            {"momentum": 0.9, "nesterov": True},
        ),
        (TrainSettings(lr=0.1, optimizer="adamw"), torch.optim.AdamW, {"betas": (0.9, 0.999)}),
    ],
)
def test_the_optimizer_is_the_one_of_the_settings(settings, kind, values):
    optimizer = build_optimizer(parameter_groups(Net(), settings), settings)
    assert type(optimizer) is kind
    assert {name: optimizer.param_groups[0][name] for name in values} == values


def test_the_factor_scales_each_groups_own_learning_rate():
    model, settings = Net(), TrainSettings(lr=0.1)
    groups = [
        {"params": [("weight", model.conv.weight)], "lr": 0.4},
        {"params": [("bias", model.conv.bias)]},
    ]
    optimizer = build_optimizer(groups, settings)
    for factor in (0.5, 0.25):
        set_learning_rate(optimizer, factor)
        rates = [group["lr"] for group in optimizer.param_groups]
        assert rates == pytest.approx([0.4 * factor, 0.1 * factor])
