"""Masks of O2F: what holds beside the numbers of the original."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from handful.errors import DataError
from handful.methods.o2f import mask_loss
from handful.methods.o2f.dynamic_masks import MASK_CHANNELS, PARAMETERS, mask_chances
from handful.methods.o2f.lite import LITE_CONFIG
from handful.methods.o2f.mask_branch import MaskHead, MaskOutputs
from handful.methods.o2f.mask_loss import (
    MaskPositives,
    mask_centroids,
    mask_losses,
    semantic_target,
)
from handful.methods.o2f.model import O2F
from handful.structures import Targets

SIZE = (64, 96)
CELLS = (8, 12)
CLASSES = 3


def targets_with(*windows: tuple[int, int, int, int], size: tuple[int, int] = SIZE) -> Targets:
    """Return rectangles x1, y1, x2, y2 of classes 0, 1, …, their masks like their boxes."""
    masks = torch.zeros(len(windows), *size, dtype=torch.bool)
    for mask, (left, top, right, bottom) in zip(masks, windows, strict=True):
        mask[top:bottom, left:right] = True
    boxes = torch.tensor(windows, dtype=torch.float32).reshape(-1, 4)
    return replace(Targets.of(boxes, torch.arange(len(windows)), size), masks=masks)


def outputs_of(points: int, *, pictures: int = 1) -> MaskOutputs:
    random = torch.Generator().manual_seed(0)

    def values(*shape: int) -> Tensor:
        return torch.randn(pictures, *shape, generator=random).requires_grad_()

    return MaskOutputs(
        values(points, PARAMETERS), values(MASK_CHANNELS, *CELLS), values(CLASSES, *CELLS)
    )


def rows(*numbers: int) -> Tensor:
    return torch.tensor(numbers, dtype=torch.long)


NONE = MaskPositives(rows(), rows(), rows())


def test_the_head_gives_a_network_a_point_and_classes_only_while_it_learns() -> None:
    head = MaskHead(16, CLASSES)
    maps = [torch.rand(2, 16, 8 >> level or 1, 12 >> level or 1) for level in range(5)]
    outputs = head(maps, maps)
    assert outputs.parameters.shape == (2, sum(m[0, 0].numel() for m in maps), PARAMETERS)
    assert outputs.features.shape == (2, MASK_CHANNELS, 8, 12)
    assert outputs.semantic is not None and outputs.semantic.shape == (2, CLASSES, 8, 12)
    assert head.eval()(maps, maps).semantic is None


def test_a_new_head_is_sure_of_nothing() -> None:
    head = MaskHead(16, CLASSES)
    assert head.semantic.output.bias is not None
    assert torch.allclose(head.semantic.output.bias.sigmoid(), torch.tensor(0.01))
    for part in head.modules():
        if isinstance(part, nn.Conv2d):
            assert float(part.weight.detach().std()) == pytest.approx(0.01, rel=0.2)


def test_without_positives_masks_cost_nothing_and_keep_their_gradient() -> None:
    outputs = outputs_of(5)
    losses = mask_losses(
        outputs, [targets_with()], positives=NONE, points=torch.zeros(5, 2), strides=torch.ones(5)
    )
    assert losses["mask"].item() == 0.0
    sum(losses.values()).backward()  # type: ignore[union-attr]
    for one in outputs:
        assert one is not None and one.grad is not None and one.grad.isfinite().all()


def test_learning_in_parts_changes_neither_loss_nor_gradient(monkeypatch) -> None:
    targets = [targets_with((4, 4, 40, 40), (30, 20, 90, 60)), targets_with((8, 8, 24, 56))]
    positives = MaskPositives(rows(0, 0, 0, 1, 1), rows(0, 3, 4, 1, 2), rows(0, 1, 1, 0, 0))
    points, strides = torch.rand(5, 2) * 64, torch.tensor([8.0, 8, 16, 32, 128])
    results = []
    for at_once in (64, 2):
        monkeypatch.setattr(mask_loss, "INSTANCES_AT_ONCE", at_once)
        outputs = outputs_of(5, pictures=2)
        loss = mask_losses(outputs, targets, positives=positives, points=points, strides=strides)[
            "mask"
        ]
        loss.backward()
        results.append((loss.detach(), outputs.parameters.grad, outputs.features.grad))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_boxes_alone_teach_no_masks() -> None:
    plain = replace(targets_with((4, 4, 40, 40)), masks=None)
    with pytest.raises(DataError, match="masks cannot be learnt.*1 objects without masks"):
        mask_losses(
            outputs_of(1), [plain], positives=NONE, points=torch.zeros(1, 2), strides=torch.ones(1)
        )


def test_the_smaller_mask_is_what_a_cell_shows_and_of_equals_the_first() -> None:
    targets = targets_with((0, 0, 96, 64), (0, 0, 32, 32), (0, 0, 32, 32))
    classes = semantic_target(targets, CLASSES, CELLS)
    assert (classes[:4, :4] == 1).all()
    assert (classes[4:] == 0).all() and (classes[:, 4:] == 0).all()


def test_cells_beyond_a_smaller_picture_show_nothing() -> None:
    classes = semantic_target(targets_with((0, 0, 40, 30), size=(30, 40)), CLASSES, CELLS)
    assert (classes[:4, :5] == 0).all()
    assert (classes[4:] == CLASSES).all() and (classes[:, 5:] == CLASSES).all()
    assert (semantic_target(targets_with(), CLASSES, CELLS) == CLASSES).all()


def test_the_middle_of_a_mask_is_the_mean_of_its_pixels() -> None:
    masks = targets_with((10, 20, 20, 40), (0, 0, 0, 0)).masks
    assert masks is not None
    assert mask_centroids(masks).tolist() == [[14.5, 29.5], [0.0, 0.0]]


@pytest.mark.parametrize("places", [[[0, 2], [1, 1]], [[], []]], ids=["two each", "none"])
def test_detections_have_masks_of_the_picture_they_are_on(places: list[list[int]]) -> None:
    outputs, points = outputs_of(3, pictures=2), torch.rand(3, 2) * 64
    chosen = torch.tensor(places, dtype=torch.long).reshape(2, -1)
    found = mask_chances(
        outputs.parameters,
        outputs.features,
        places=chosen,
        points=points,
        strides=torch.tensor([8.0, 16, 32]),
    )
    assert found.shape == (2, chosen.shape[1], 16, 24)
    assert ((found >= 0) & (found <= 1)).all()
    if chosen.shape[1]:
        assert torch.equal(found[1, 0], found[1, 1])
        assert not torch.equal(found[0, 0], found[1, 0])


@pytest.mark.parametrize("masks", [True, False])
def test_a_detector_finds_masks_if_it_says_so(masks: bool) -> None:
    config = replace(LITE_CONFIG, masks=masks, class_names=("cup", "can"), channels=32)
    network = O2F(config).eval()
    images, sizes = torch.rand(1, 3, 64, 96), torch.tensor([[60, 90]])
    with torch.inference_mode():
        found = network.detect(network(images, sizes), sizes)
    assert network.finds_masks is masks is (found.masks is not None)
