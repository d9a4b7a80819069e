from __future__ import annotations

import pytest
import torch

from handful.methods.os2d import OS2D, OS2DConfig
from handful.methods.os2d.objective import ObjectiveConfig
from handful.methods.os2d.training import (
    LearningConfig,
    OneShotBatch,
    OptimizerConfig,
    batch_loss,
    set_learning,
)
from handful.structures import Targets

SMALL = OS2DConfig(
    trunk="resnet18",
    trunk_strides=(8,),
    feature_stride=8,
    template_size=7,
    template_border=1,
    class_image_size=56,
    regressor_kernels=(3, 3),
    regressor_channels=(8,),
)


def four_images() -> OneShotBatch:
    """Return four scenes of noise with one of two class pictures pasted on each."""
    torch.manual_seed(0)
    classes = [torch.randn(1, 3, 56, 56), torch.randn(1, 3, 56, 56)]
    images, targets = torch.randn(4, 3, 96, 96) * 0.3, []
    for index in range(4):
        x, y, label = 8 * index, 30 - 8 * index, index % 2
        images[index, :, y : y + 56, x : x + 56] = classes[label][0]
        box = torch.tensor([[x, y, x + 56, y + 56]])
        targets.append(Targets.of(box, torch.tensor([label]), (96, 96)))
    return OneShotBatch(images, classes, targets)


def moved(model: OS2D, learning: LearningConfig) -> set[str]:
    """Return the parts of the model that one training step changes."""
    before = {key: value.clone() for key, value in model.state_dict().items()}
    set_learning(model, learning)
    objective = ObjectiveConfig(remap=False)
    losses = batch_loss(model, four_images(), objective=objective, learning=learning)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses.total.backward()
    optimizer.step()
    changed = {
        key for key, value in model.state_dict().items() if not torch.equal(value, before[key])
    }
    parts = {"trunk": "trunk.", "transform": "head.transform_net."}
    kinds = {"statistics": ("running_mean",), "weights": ("weight", "bias")}
    return {
        f"{part} {kind}"
        for part, start in parts.items()
        for kind, ends in kinds.items()
        if any(key.startswith(start) and key.endswith(ends) for key in changed)
    }


@pytest.mark.parametrize(
    ("learning", "expected"),
    [
        (LearningConfig(), {"trunk weights", "transform weights"}),
        (
            LearningConfig(freeze_bn=False, freeze_bn_transform=False),
            {"trunk weights", "trunk statistics", "transform weights", "transform statistics"},
        ),
        (LearningConfig(train_features=False), {"transform weights"}),
        (LearningConfig(freeze_transform=True), {"trunk weights"}),
        (LearningConfig(frozen_blocks=5), {"transform weights"}),
    ],
    ids=["default", "nothing-frozen", "no-features", "no-transform", "all-blocks"],
)
def test_only_what_may_learn_changes(learning: LearningConfig, expected: set[str]) -> None:
    torch.manual_seed(0)
    assert moved(OS2D(SMALL), learning) == expected


@pytest.mark.integration
def test_loss_falls_on_four_images() -> None:
    torch.manual_seed(0)
    model, batch = OS2D(SMALL), four_images()
    settings = OptimizerConfig(lr=0.1)
    optimizer = settings.build(model)
    learning, objective = LearningConfig(), ObjectiveConfig(remap=False)
    totals = []
    for _ in range(16):
        set_learning(model, learning)
        losses = batch_loss(model, batch, objective=objective, learning=learning)
        optimizer.zero_grad()
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        optimizer.step()
        totals.append(losses.total.item())
    assert totals[-1] < 0.7 * totals[0]


def test_negatives_bend_the_transform_only_when_told() -> None:
    torch.manual_seed(0)
    model, batch = OS2D(SMALL), four_images()
    gradients = {}
    for told in (False, True):
        learning = LearningConfig(train_transform_on_negatives=told)
        set_learning(model, learning)
        model.zero_grad()
        objective = ObjectiveConfig(neg_margin=-1.0, pos_margin=-1.0, loc_weight=0.0, remap=False)
        batch_loss(model, batch, objective=objective, learning=learning).total.backward()
        gradient = model.head.transform_net.output.bias.grad
        gradients[told] = 0.0 if gradient is None else gradient.abs().sum().item()
    assert gradients[False] == 0
    assert gradients[True] > 0
