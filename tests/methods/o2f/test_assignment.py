"""One-to-few assignment: against the plain way over all pairs, and where little is to give."""

from __future__ import annotations

import time

import pytest
import torch
from torch import Tensor

from handful.methods.o2f.assignment import BACKGROUND, Assigned, OneToFew
from handful.methods.o2f.head import boxes_around
from handful.nn.grid import grid_levels, grid_points

STRIDES = (8, 16, 32, 64, 128)


def picture(side: int) -> tuple[Tensor, Tensor]:
    maps = [torch.empty(1, 1, -(-side // stride), -(-side // stride)) for stride in STRIDES]
    return grid_points(maps, STRIDES)


def drawn(side: int, objects: int, *, classes: int = 3, seed: int = 0):
    """Return what a network might say, and objects of all sizes."""
    torch.manual_seed(seed)
    points, strides = picture(side)
    count = len(points)
    near, sides = torch.rand(objects, 2) * side, 2 ** (2 + 6 * torch.rand(objects, 2))
    boxes = torch.cat([near, near + sides], dim=1)
    said = torch.randn(count, classes), torch.randn(count), 40 * torch.rand(count, 4)
    return said, points, strides, boxes, torch.randint(classes, (objects,))


def assigned(assign: OneToFew, said, points, strides, boxes, labels, **extra) -> Assigned:
    return assign(
        *said,
        points=points,
        levels=grid_levels(points, strides),
        boxes=boxes,
        labels=labels,
        **extra,
    )


def plainly(assign: OneToFew, said, points, strides, boxes, labels) -> Tensor:
    """Return the object of every point, by the text of the method, pair by pair."""
    logits, quality, distances = said
    chances = (logits.sigmoid() * quality.sigmoid()[:, None])[:, labels]
    found = boxes_around(points, distances)
    near = torch.maximum(found[:, None, :2], boxes[None, :, :2])
    far = torch.minimum(found[:, None, 2:], boxes[None, :, 2:])
    shared = (far - near).clamp(min=0).prod(dim=2)
    areas = [(one[:, 2:] - one[:, :2]).prod(dim=1) for one in (found, boxes)]
    overlaps = shared / (areas[0][:, None] + areas[1] - shared).clamp(min=1e-6)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    reach = assign.radius * strides[:, None, None]
    low = torch.maximum(middles[None] - reach, boxes[None, :, :2])
    high = torch.minimum(middles[None] + reach, boxes[None, :, 2:])
    inside = ((points[:, None] > low) & (points[:, None] < high)).all(dim=2)
    overlaps = torch.where(inside, overlaps, 0.0)
    qualities = chances.pow(1 - assign.alpha) * overlaps.pow(assign.alpha)
    kept = torch.zeros_like(qualities)
    for column in range(len(boxes)):
        count = min(int((overlaps[:, column] > 0).sum()), assign.most)
        best = qualities[:, column].topk(count).indices
        kept[best, column] = qualities[best, column]
    value, column = kept.max(dim=1)
    return torch.where(value > 0, column, BACKGROUND)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("radius", [0.7, 1.5, 2.5])
def test_the_shortlist_gives_what_all_pairs_give(seed: int, radius: float) -> None:
    values = drawn(256, 40, seed=seed)
    assign = OneToFew(most=4, radius=radius)
    ours = assigned(assign, *values)
    assert torch.equal(ours.objects, plainly(assign, *values))
    assert ours.positive.any()


@pytest.mark.parametrize("progress", [0.0, 0.5, 1.0])
def test_every_object_has_one_certain_point_and_softer_ones(progress: float) -> None:
    values = drawn(256, 12)
    found = assigned(OneToFew(), *values, progress=progress)
    highest = 0.6 - 0.4 * progress
    for number in found.objects.unique().tolist():
        own = found.objects == number
        degrees, weights = found.degrees[own], found.weights[own]
        if number == BACKGROUND:
            assert not degrees.any() and not weights.any()
            continue
        certain = weights == 1
        assert int(certain.sum()) == 1 and degrees[certain].item() == 1
        assert torch.equal(weights[~certain], torch.full_like(weights[~certain], 0.4))
        if len(degrees) > 1:
            assert degrees[~certain].max().item() == pytest.approx(highest)


def test_a_picture_without_objects_is_all_background() -> None:
    said, points, strides, boxes, labels = drawn(128, 0)
    found = assigned(OneToFew(), said, points, strides, boxes, labels)
    assert len(found.objects) == len(points) and not found.positive.any()
    assert not found.degrees.any() and not found.weights.any()


def test_objects_that_no_point_can_see_have_none() -> None:
    said, points, strides, _, labels = drawn(128, 2)
    outside = torch.tensor([[500.0, 500.0, 600.0, 600.0], [1.0, 1.0, 2.0, 2.0]])
    assert not assigned(OneToFew(), said, points, strides, outside, labels).positive.any()


def test_of_two_equal_objects_the_first_takes_all() -> None:
    said, points, strides, boxes, labels = drawn(256, 1)
    twice = boxes.repeat(2, 1), labels.repeat(2)
    once = assigned(OneToFew(), said, points, strides, boxes, labels)
    assert torch.equal(assigned(OneToFew(), said, points, strides, *twice).objects, once.objects)


def test_candidates_lie_around_the_middle_that_is_said() -> None:
    said, points, strides, _, labels = drawn(256, 1)
    boxes, middle = torch.tensor([[0.0, 0.0, 256.0, 256.0]]), torch.tensor([[60.0, 200.0]])
    found = assigned(OneToFew(), said, points, strides, boxes, labels, centers=middle)
    away = (points - middle).abs().amax(dim=1)[found.positive]
    assert bool((away < 1.5 * strides[found.positive]).all())


def test_half_precision_is_counted_in_full() -> None:
    said, points, strides, boxes, labels = drawn(256, 20)
    half = tuple(one.bfloat16() for one in said)
    full = tuple(one.float() for one in half)
    ours = assigned(OneToFew(), half, points, strides, boxes, labels)
    assert ours.degrees.dtype == torch.float32
    assert torch.equal(
        ours.objects, assigned(OneToFew(), full, points, strides, boxes, labels).objects
    )


def test_many_objects_on_a_large_picture_take_no_time() -> None:
    values = drawn(1184, 200, classes=80)
    assigned(OneToFew(), *values)
    began = time.perf_counter()
    assigned(OneToFew(), *values)
    assert time.perf_counter() - began < 1.0


def test_all_points_may_be_certain_for_a_one_to_many_detector():
    made = drawn(256, 5)
    few, many = (assigned(OneToFew(most=4, certain=count), *made) for count in (1, 4))
    assert torch.equal(few.objects, many.objects)
    learnt = many.objects != BACKGROUND
    assert (many.degrees[learnt] == 1).all() and (many.weights[learnt] == 1).all()
    assert (few.degrees[learnt] < 1).any()
