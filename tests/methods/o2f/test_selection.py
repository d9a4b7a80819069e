"""From what points say to detections."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from handful.boxes import box_iou
from handful.methods.o2f.config import STRIDES, O2FConfig
from handful.methods.o2f.head import O2FOutputs
from handful.methods.o2f.selection import best_points
from handful.nn.grid import grid_points

CONFIG = O2FConfig(("a", "b"), max_detections=20, score_threshold=0.05)
SIZE = (60, 90)


def outputs(*, quiet: bool = False) -> O2FOutputs:
    torch.manual_seed(0)
    maps = [torch.empty(1, 1, -(-64 // stride), -(-96 // stride)) for stride in STRIDES]
    points, strides = grid_points(maps, STRIDES)
    count = len(points)
    shift = -20 if quiet else 0
    return O2FOutputs(
        torch.randn(2, count, 2) + shift,
        60 * torch.rand(2, count, 4),
        torch.randn(2, count),
        points,
        strides,
    )


def found(config: O2FConfig, said: O2FOutputs):
    return best_points(said, torch.tensor([SIZE, SIZE]), config=config)


def test_the_best_pairs_are_found_and_nothing_is_suppressed() -> None:
    said = outputs()
    ours = found(CONFIG, said)
    scores = (said.class_logits.sigmoid() * said.quality_logits.sigmoid()[..., None]).flatten(1)
    assert ours.counts.tolist() == [20, 20]
    torch.testing.assert_close(ours.scores, scores.topk(20, dim=1).values)
    assert bool((ours.boxes[..., 2] <= SIZE[1]).all() and (ours.boxes[..., 3] <= SIZE[0]).all())
    assert bool((ours.boxes >= 0).all())


def test_where_nothing_is_sure_rows_are_empty() -> None:
    ours = found(CONFIG, outputs(quiet=True))
    assert ours.counts.tolist() == [0, 0]
    assert not ours.boxes.any() and not ours.scores.any() and not ours.labels.any()


def test_more_may_be_asked_for_than_there_are() -> None:
    said = outputs()
    pairs = said.class_logits[0].numel()
    ours = found(replace(CONFIG, max_detections=pairs + 50, score_threshold=0.0), said)
    assert ours.counts.tolist() == [pairs, pairs]
    assert ours.boxes.shape == (2, pairs + 50, 4) and not ours.scores[:, pairs:].any()


@pytest.mark.parametrize("iou", [0.3, 0.6])
def test_the_switch_drops_doubles_of_a_class(iou: float) -> None:
    config = replace(CONFIG, nms_iou=iou, max_detections=40)
    ours, all_of_them = found(config, outputs()), found(replace(config, nms_iou=None), outputs())
    for picture in range(2):
        count = int(ours.counts[picture])
        boxes, labels = ours.boxes[picture, :count], ours.labels[picture, :count]
        alike = (labels[:, None] == labels).fill_diagonal_(False)
        assert not (box_iou(boxes, boxes)[alike] > iou).any()
        assert count and ours.scores[picture, 0] == all_of_them.scores[picture, 0]


def test_few_candidates_are_taken_from_every_level() -> None:
    config = replace(CONFIG, candidates_per_level=3, max_detections=40, score_threshold=0.0)
    assert found(config, outputs()).counts.tolist() == [3 * 4 + 2, 3 * 4 + 2]
