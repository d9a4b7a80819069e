import pytest
import torch

from handful.methods.yolox.head import DenseOutputs
from handful.methods.yolox.suppression import best_classes, surviving

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


def test_new_classes_take_no_cell_from_kept_ones():
    logits = torch.tensor([[[0.0, 1.0, 3.0], [2.0, -1.0, 0.5]]])
    nothing = torch.zeros(1, 2, 4)
    outputs = DenseOutputs(
        logits, nothing, torch.full((1, 2), 9.0), torch.zeros(2, 2), torch.ones(2)
    )
    alone, chosen = best_classes(outputs)
    assert chosen.tolist() == [[2, 0]]
    scores, labels = best_classes(outputs, kept=2)
    assert labels.tolist() == [[1, 0, 2, 2]]
    torch.testing.assert_close(scores[0, [2, 1]], alone[0])
    torch.testing.assert_close(
        scores[0, 0], best_classes(outputs._replace(class_logits=logits[..., :2]))[0][0, 0]
    )


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
