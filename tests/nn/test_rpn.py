from __future__ import annotations

import torch

from handful.nn.rpn import RPNHead, drawn_count, match_anchors, only_among, sample_anchors


def test_outputs_run_over_rows_columns_anchors() -> None:
    head = RPNHead(4, anchors_per_cell=3)
    maps = [torch.randn(2, 4, 5, 6), torch.randn(2, 4, 2, 3)]
    objectness, deltas = head(maps)
    assert [one.shape for one in objectness] == [(2, 90), (2, 18)]
    hidden = torch.relu(head.convolution(maps[0]))
    scores, offsets = head.objectness(hidden), head.deltas(hidden)
    cell = (3 * 6 + 4) * 3 + 2
    assert objectness[0][1, cell] == scores[1, 2, 3, 4]
    assert torch.equal(deltas[0][1, cell], offsets[1, 8:12, 3, 4])


def test_hidden_map_can_be_narrower() -> None:
    head = RPNHead(8, anchors_per_cell=1, hidden=2)
    assert head.convolution.weight.shape[:2] == (2, 8)
    assert head([torch.randn(1, 8, 2, 2)])[0][0].shape == (1, 4)


def test_sampling_ignores_what_was_not_drawn() -> None:
    anchors = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60], [70, 70, 80, 80]])
    targets = match_anchors(anchors, anchors[:1], positive=0.7, negative=0.3)
    assert targets.labels.tolist() == [1, 1, 0, 0]
    drawn = sample_anchors(targets, count=2, positive_part=0.5, permutation=torch.arange)
    assert drawn.labels.tolist() == [1, -1, 0, -1]


def test_targets_of_chosen_anchors_leave_the_others_out() -> None:
    anchors = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 60, 60]])
    chosen = torch.tensor([False, True, True])
    part = match_anchors(anchors[chosen], anchors[:1], positive=0.7, negative=0.3)
    assert only_among(chosen, part).labels.tolist() == [-1, 1, 0]


def test_pictures_without_a_kind_may_count_as_having_one() -> None:
    anchors = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60]])
    one = match_anchors(anchors, anchors[:1], positive=0.7, negative=0.3)
    none = match_anchors(anchors, anchors[:0], positive=0.7, negative=0.3)
    assert [int(drawn_count([one, none], least=least)) for least in (0, 1)] == [4, 5]
