from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from handful.nn.simota import UNMATCHED, Matches, SimOTA, class_cost

SIDE, STRIDE = 8, 8
NEAR_ONLY = SimOTA(radius=1.5, inside_counts=False, far_cost=1e6, epsilon=1e-8)
BOX = (8.0, 8.0, 40.0, 40.0)


def grid() -> tuple[Tensor, Tensor]:
    axis = torch.arange(float(SIDE))
    cells = torch.stack([axis.expand(SIDE, SIDE), axis[:, None].expand(SIDE, SIDE)], dim=-1)
    return cells.reshape(-1, 2), torch.full((SIDE * SIDE,), float(STRIDE))


def matched(
    targets: list[tuple[float, ...]],
    *,
    labels: list[int] | None = None,
    assigner: SimOTA | None = None,
    dtype: torch.dtype = torch.float32,
    scale: float = 1.0,
) -> Matches:
    """Match anchors that predict boxes of three cells around their centres."""
    cells, strides = grid()
    random = torch.Generator().manual_seed(0)
    centers = (cells + 0.5) * STRIDE
    return (assigner or SimOTA())(
        (scale * torch.randn(len(cells), 3, generator=random)).to(dtype),
        (scale * torch.randn(len(cells), generator=random)).to(dtype),
        torch.cat([centers - 1.5 * STRIDE, centers + 1.5 * STRIDE], dim=1),
        cells=cells,
        strides=strides,
        target_boxes=torch.tensor(targets).reshape(-1, 4),
        target_labels=torch.tensor(labels or [0] * len(targets), dtype=torch.long),
    )


@pytest.mark.parametrize("assigner", [SimOTA(), NEAR_ONLY], ids=["inside", "near"])
def test_a_target_gets_anchors_near_its_centre_with_their_iou(assigner):
    found = matched([BOX], assigner=assigner)
    rows = (found.objects != UNMATCHED).nonzero().flatten()
    centers = (grid()[0][rows] + 0.5) * STRIDE
    assert 1 <= len(rows) <= 10
    assert bool(((centers - 24).abs() < assigner.radius * STRIDE).all())
    assert bool((found.objects[rows] == 0).all()) and bool((found.iou[rows] > 0.1).all())
    assert bool((found.iou[found.objects == UNMATCHED] == 0).all())


@pytest.mark.parametrize(
    "targets", [[], [(-200.0, -200.0, -150.0, -150.0)]], ids=["none", "outside"]
)
def test_without_candidates_nothing_is_matched(targets):
    found = matched(targets)
    assert bool((found.objects == UNMATCHED).all()) and not bool(found.iou.any())


def test_the_last_of_equal_targets_gets_nothing_and_chance_has_no_say():
    found = matched([BOX, BOX], labels=[1, 1])
    assert set(found.objects.tolist()) == {UNMATCHED, 0}
    again = matched([BOX, BOX], labels=[1, 1])
    assert torch.equal(found.objects, again.objects) and torch.equal(found.iou, again.iou)


def test_a_target_without_area_gets_one_anchor():
    found = matched([(20.0, 20.0, 20.0, 20.0)])
    assert int((found.objects == 0).sum()) == 1


def test_the_number_of_anchors_follows_their_overlap():
    counts = [
        int((matched([(16, 16, 16 + side, 16 + side)]).objects == 0).sum()) for side in (4, 24)
    ]
    assert counts[0] == 1 < counts[1]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [1.0, 300.0], ids=["usual", "saturated"])
def test_half_precision_gives_finite_matches(dtype, scale):
    found = matched([BOX, (30.0, 30.0, 60.0, 60.0)], dtype=dtype, scale=scale)
    assert found.iou.dtype == torch.float32 and bool(torch.isfinite(found.iou).all())
    assert set(found.objects.tolist()) == {UNMATCHED, 0, 1}


def test_class_cost_is_the_cross_entropy_with_one_hot_labels():
    random = torch.Generator().manual_seed(1)
    logits, objectness = (torch.randn(6, 4, generator=random), torch.randn(6, generator=random))
    labels = torch.tensor([2, 0, 3])
    said = (logits.sigmoid() * objectness.sigmoid()[:, None]).sqrt()
    wanted = F.one_hot(labels, 4).float()
    expected = F.binary_cross_entropy(
        said.expand(3, 6, 4), wanted[:, None].expand(3, 6, 4), reduction="none"
    ).sum(-1)
    torch.testing.assert_close(class_cost(logits, objectness, labels), expected)
