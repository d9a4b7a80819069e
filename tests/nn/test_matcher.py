from __future__ import annotations

import pytest
import torch

from handful.nn.matcher import match_boxes


@pytest.mark.parametrize(
    ("iou", "low_quality", "labels", "objects"),
    [
        ([[0.8, 0.5, 0.1]], False, [1, -1, 0], [0, 0, 0]),
        ([[0.7, 0.3]], False, [1, -1], [0, 0]),
        ([[0.2, 0.1, 0.2]], True, [1, 0, 1], [0, 0, 0]),
        ([[0.9, 0.6], [0.1, 0.5]], True, [1, 1], [0, 0]),
        ([[], []], True, [], []),
    ],
    ids=[
        "by overlap",
        "a bound belongs to the better side",
        "ties for an object's best",
        "a box that is the best of a weaker object keeps its own",
        "no boxes",
    ],
)
def test_matching(
    iou: list[list[float]], low_quality: bool, labels: list[int], objects: list[int]
) -> None:
    overlaps = torch.tensor(iou)
    found = match_boxes(overlaps, positive=0.7, negative=0.3, low_quality=low_quality)
    assert found.labels.tolist() == labels
    assert found.objects.tolist() == objects


def test_without_objects_all_is_background() -> None:
    found = match_boxes(torch.zeros(0, 3), positive=0.7, negative=0.3, low_quality=True)
    assert found.labels.tolist() == found.objects.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("iou", "labels", "objects"),
    [
        ([[0.9, 0.6], [0.1, 0.5]], [1, 1], [0, 1]),
        ([[0.8, 0.2], [0.8, 0.2]], [1, 0], [1, 1]),
        ([[0.4, 0.4, 0.1]], [1, 1, 0], [0, 0, 0]),
        ([[0.2, 0.1, 0.2]], [0, 0, 0], [0, 0, 0]),
    ],
    ids=[
        "a weaker object takes its best box",
        "the last object wins a box",
        "ties",
        "too little overlap",
    ],
)
def test_objects_take_over_their_best_boxes(
    iou: list[list[float]], labels: list[int], objects: list[int]
) -> None:
    found = match_boxes(torch.tensor(iou), positive=0.7, negative=0.3, takeover=0.3)
    assert found.labels.tolist() == labels
    taken = found.labels == 1
    assert found.objects[taken].tolist() == torch.tensor(objects)[taken].tolist()
