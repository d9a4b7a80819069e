from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from handful.errors import ConfigError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.model import DeFRCN
from handful.structures import Targets

MICRO = DeFRCNConfig(
    class_names=("cup", "pen", "key"),
    trunk="efficientnet_lite0",
    freeze_at=2,
    anchor_sizes=((16.0, 32.0, 64.0),),
    rpn_channels=16,
    rpn_batch=32,
    proposals_before_nms=(100, 100),
    proposals_after_nms=(20, 20),
    roi_batch=16,
    max_detections=10,
)
SIZES = torch.tensor([[64, 96], [60, 80]])


def network(**changes: object) -> DeFRCN:
    torch.manual_seed(0)
    return DeFRCN(replace(MICRO, **changes))


def pictures() -> Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))


def targets(*boxes: list[float]) -> list[Targets]:
    full = Targets.of(torch.tensor(boxes), torch.zeros(len(boxes)), (64, 96))
    return [full, Targets.of(torch.zeros(0, 4), torch.zeros(0), (60, 80))]


def test_a_picture_without_objects_is_learnt_from() -> None:
    model = network().train()
    losses = model.loss(model(pictures(), SIZES), targets([10.0, 10, 50, 40]))
    losses["total"].backward()
    parts = [losses[name] for name in ("rpn_objectness", "rpn_boxes", "classes", "boxes")]
    assert losses["total"].item() == pytest.approx(sum(part.item() for part in parts))
    trained = [one for one in model.parameters() if one.requires_grad]
    assert all(one.grad is not None and one.grad.isfinite().all() for one in trained)


def test_boxes_without_area_teach_nothing() -> None:
    model = network().train()
    outputs = model(pictures(), SIZES)
    with_point, without = (
        model.loss(outputs, given, sampler=torch.arange)
        for given in (
            targets([10.0, 10, 50, 40], [20.0, 20, 20, 30]),
            targets([10.0, 10, 50, 40]),
        )
    )
    assert torch.equal(with_point["total"], without["total"])


def test_one_sampler_gives_one_loss() -> None:
    model = network().train()
    outputs = model(pictures(), SIZES)
    first, second = (
        model.loss(outputs, targets([10.0, 10, 50, 40]), sampler=torch.arange)["total"]
        for _ in range(2)
    )
    assert torch.equal(first, second)


@pytest.mark.parametrize(
    ("field", "part"),
    [("freeze_backbone", "trunk"), ("freeze_rpn", "rpn"), ("freeze_head", "head")],
)
def test_a_frozen_part_does_not_train(field: str, part: str) -> None:
    assert any(one.requires_grad for one in getattr(network(), part).parameters())
    frozen = getattr(network(**{field: True}), part)
    assert not any(one.requires_grad for one in frozen.parameters())


def test_batch_norms_keep_their_statistics_unless_asked() -> None:
    for norm, trains in (("frozen", False), ("batch", True)):
        head = network(norm=norm).train().head
        norms = [m for m in head.modules() if isinstance(m, nn.BatchNorm2d)]
        assert norms and all(one.training is trains for one in norms)


def test_closed_rpn_gate_sends_zeros_to_the_trunk() -> None:
    model = network(rpn_scale=0.0).train()
    outputs = model(pictures(), SIZES)
    outputs.objectness.sum().backward()
    trained = [one.grad for one in model.trunk.parameters() if one.requires_grad]
    assert all(one is not None and not one.any() for one in trained)
    assert model.rpn_gate is not None and model.rpn_gate.weight.grad is not None
    assert model.rpn_gate.weight.grad.any()


def test_detections_are_padded_and_counted() -> None:
    model = network().eval()
    with torch.no_grad():
        outputs = model(pictures(), SIZES)
        found = model.detect(outputs, SIZES)
    assert found.boxes.shape == (2, 10, 4)
    for picture, count in enumerate(found.counts.tolist()):
        assert count > 0
        assert (found.scores[picture, :count] > MICRO.score_threshold).all()
        assert found.scores[picture, :count].diff().le(0).all()
        assert not found.boxes[picture, count:].any()
        height, width = SIZES[picture].tolist()
        assert (found.boxes[picture] <= torch.tensor([width, height] * 2)).all()


def test_features_that_are_not_finite_find_nothing() -> None:
    model = network().eval()
    with torch.no_grad():
        outputs = model(pictures() * torch.nan, SIZES)
        found = model.detect(outputs, SIZES)
    assert outputs.proposal_counts.tolist() == found.counts.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": ()}, "needs classes"),
        ({"anchor_sizes": ((8.0,), (16.0,))}, "every map needs its anchors"),
        ({"freeze_at": 99}, "cannot freeze so many parts"),
        ({"trunk": "convnext_atto"}, "no last stage"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        network(**changes)
