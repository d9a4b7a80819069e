import pytest
import torch

from handful.methods.yolox.suppression import surviving

BOXES = torch.tensor(
    [[-20.0, -20, 10, 10], [-20, -20, 10, 11], [-20, -20, 10, 9], [50, 50, 60, 60], [0, 0, 5, 5]]
)
SCORES = torch.tensor([0.9, 0.8, 0.7, 0.5, 0.1])
LABELS = torch.tensor([0, 0, 1, 1, 0])


def kept(threshold=0.2, boxes=BOXES, **settings):
    found = surviving(
        boxes[None],
        SCORES[None],
        LABELS[None],
        threshold=threshold,
        iou=0.65,
        **{"class_count": 2, **settings},
    )
    return found.scores[0, : found.counts[0]].tolist(), found


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.9, 0.7, 0.5]),
        ({"class_count": 1}, [0.9, 0.5]),
        ({"limit": 2}, [0.9, 0.7]),
        ({"threshold": 0.5}, [0.9, 0.7, 0.5]),
        ({"threshold": 0.95}, []),
    ],
    ids=["a class", "any class", "limit", "threshold itself counts", "nothing"],
)
def test_what_survives(settings, expected):
    assert kept(**settings)[0] == pytest.approx(expected)


def test_tables_are_padded_and_labels_stay():
    found = kept()[1]
    assert found.boxes.shape == (1, 5, 4) and not found.boxes[0, 3:].any()
    assert found.labels[0, :3].tolist() == [0, 1, 1]


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_boxes_that_are_no_numbers_are_dropped(wrong):
    boxes = BOXES.clone()
    boxes[0, 2] = wrong
    assert kept(boxes=boxes)[0] == pytest.approx([0.8, 0.7, 0.5])


def test_pictures_do_not_compete():
    found = surviving(
        BOXES[:1].expand(2, 1, 4),
        SCORES[:1].expand(2, 1),
        LABELS[:1].expand(2, 1),
        threshold=0.1,
        iou=0.65,
        class_count=2,
    )
    assert found.counts.tolist() == [1, 1]
