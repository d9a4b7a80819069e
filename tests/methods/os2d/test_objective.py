from __future__ import annotations

import pytest
import torch

from handful.errors import ConfigError
from handful.methods.os2d.objective import ObjectiveConfig, os2d_loss

CONTRASTIVE = ObjectiveConfig(class_loss="contrastive", pos_margin=1.0, neg_margin=0.5)


def loss_of(scores: list[float], targets: list[int], config: ObjectiveConfig, **options: bool):
    count = len(scores)
    return os2d_loss(
        torch.tensor(scores, requires_grad=True).reshape(1, 1, count),
        torch.zeros(1, 1, 4, count),
        torch.tensor(targets).reshape(1, 1, count),
        torch.zeros(1, 1, 4, count),
        config,
        **options,
    )


def test_contrastive_by_hand() -> None:
    losses = loss_of([0.8, 0.9, 0.6, 0.3, 0.9], [1, 0, 0, 0, -1], CONTRASTIVE)
    assert losses.cls_pos.item() == pytest.approx(0.1**2)
    assert losses.cls_neg.item() == pytest.approx(0.2**2 + 0.05**2)


def test_contrastive_takes_only_the_hardest_negatives() -> None:
    losses = loss_of([0.8, 0.9, 0.7, 0.6, 0.6], [1, 0, 0, 0, 0], CONTRASTIVE)
    assert losses.cls_neg.item() == pytest.approx(0.2**2 + 0.1**2 + 0.05**2)


def test_ranked_list_by_hand() -> None:
    losses = loss_of([0.4, 0.7, 0.9, 0.5], [1, 1, 0, 0], ObjectiveConfig())
    assert losses.cls_pos.item() == pytest.approx(0.1)
    assert losses.cls_neg.item() == pytest.approx(0.2)


def test_ranked_list_weighs_negatives_by_their_gap() -> None:
    losses = loss_of([0.7, 0.9, 0.7], [1, 0, 0], ObjectiveConfig())
    light = 0.001**0.5
    assert losses.cls_neg.item() == pytest.approx((0.2 + 0.1 * light) / (1 + light))


@pytest.mark.parametrize("config", [ObjectiveConfig(), CONTRASTIVE])
def test_without_positives_nothing_is_learned_unless_mining(config: ObjectiveConfig) -> None:
    assert loss_of([0.9, 0.8], [0, 0], config).total.item() == 0
    assert loss_of([0.9, 0.8], [0, 0], config, mining=True).cls_neg.item() > 0


def test_localization_is_smooth_l1_of_positives_only() -> None:
    losses = os2d_loss(
        torch.tensor([[[1.0, 1.0, 0.0]]]),
        torch.tensor([3.0, 0.5, 9.0]).expand(1, 1, 4, 3),
        torch.tensor([[[1, 1, 0]]]),
        torch.zeros(1, 1, 4, 3),
        ObjectiveConfig(loc_weight=0.5),
    )
    assert losses.loc.item() == pytest.approx((4 * 2.5 + 4 * 0.125) / 2)
    assert losses.total.item() == pytest.approx(0.5 * losses.loc.item())


def test_unknown_loss_is_refused() -> None:
    with pytest.raises(ConfigError, match="class_loss"):
        ObjectiveConfig(class_loss="hinge")  # type: ignore[arg-type]
