from __future__ import annotations

import numpy
import pytest

from handful.export.parity import compare, compare_candidates
from handful.export.session import RawFound

BOXES = [[0.0, 0, 10, 10], [5, 5, 25, 30], [40, 40, 60, 50]]


def raw(boxes=BOXES, scores=(0.9, 0.5, 0.4), labels=(0, 1, 0), count: int | None = None):
    return RawFound(
        numpy.array([boxes], numpy.float32).reshape(1, -1, 4),
        numpy.array([scores], numpy.float32),
        numpy.array([labels], numpy.int64),
        numpy.array([len(scores) if count is None else count]),
    )


def moved(by: float):
    return [[x + by for x in BOXES[0]], *BOXES[1:]]


@pytest.mark.parametrize(
    ("other", "box_error", "score_error", "unpaired", "holds"),
    [
        (raw(), 0.0, 0.0, 0, True),
        (raw(boxes=moved(0.03)), 0.03, 0.0, 0, True),
        (raw(boxes=moved(0.3)), 0.3, 0.0, 0, False),
        (raw(boxes=moved(9)), 0.0, 0.0, 2, False),
        (raw(scores=(0.9, 0.501, 0.4)), 0.0, 0.001, 0, False),
        (raw(labels=(0, 2, 0)), 0.0, 0.0, 2, False),
        (raw(BOXES[::-1], (0.4, 0.5, 0.9), (0, 1, 0)), 0.0, 0.0, 0, True),
        (raw(count=2), 0.0, 0.0, 1, False),
        (raw(count=0), 0.0, 0.0, 3, False),
    ],
    ids=[
        "the same",
        "a little aside",
        "too far aside",
        "elsewhere",
        "another score",
        "another class",
        "another order",
        "one fewer",
        "none",
    ],
)
def test_detections_are_paired_by_class_and_place(other, box_error, score_error, unpaired, holds):
    (compared,) = compare(raw(), other)
    assert compared.box_error == pytest.approx(box_error, abs=1e-5)
    assert compared.score_error == pytest.approx(score_error, abs=1e-6)
    assert (compared.unpaired, compared.holds) == (unpaired, holds)
    assert 2 * compared.detections == 3 + int(other.counts[0]) - unpaired


def test_two_boxes_of_one_class_are_not_paired_with_the_same_one():
    close = [[0.0, 0, 10, 10], [0.5, 0, 10.5, 10]]
    one = raw(close, (0.9, 0.8), (0, 0))
    assert compare(one, raw([close[0]], (0.9,), (0,)))[0].unpaired == 1
    assert compare(one, raw(close[::-1], (0.8, 0.9), (0, 0)))[0].box_error == 0


def drawn(*chances: float, boxes=BOXES, scores=(0.9, 0.5, 0.4)):
    masks = numpy.ones((1, 3, 4, 6), numpy.float32) * numpy.reshape(chances, (1, 3, 1, 1))
    masks[0, :, 2, 3] = 0.1
    return raw(boxes, scores)._replace(masks=masks.astype(numpy.float32))


@pytest.mark.parametrize(
    ("other", "error", "holds"),
    [
        (drawn(0.1, 0.2, 0.3), 0.0, True),
        (drawn(0.1, 0.2, 0.3005), 0.0005, True),
        (drawn(0.1, 0.7, 0.3), 0.5, False),
        (drawn(0.1, 0.2, numpy.nan), numpy.nan, False),
        (raw(), None, True),
    ],
    ids=["the same", "nearly", "another", "no number", "without masks"],
)
def test_masks_of_the_same_detections_are_compared(other, error, holds):
    (compared,) = compare(drawn(0.1, 0.2, 0.3), other)
    assert compared.holds == holds
    if error is None:
        assert compared.mask_error is None
    else:
        assert compared.mask_error == pytest.approx(error, abs=1e-6, nan_ok=True)


def test_masks_are_compared_in_the_order_of_the_detections():
    one, other = drawn(0.1, 0.2, 0.3), drawn(0.3, 0.2, 0.1, boxes=BOXES[::-1], scores=(4, 5, 9))
    assert compare(one, other)[0].mask_error == 0
    assert other.masks is not None and one.masks is not None
    gone = one._replace(counts=numpy.array([0]))
    assert compare(gone, other)[0].mask_error == 0


@pytest.mark.parametrize(
    ("box", "score", "holds"),
    [(0, 0, True), (0.1, 0, False), (0, 0.1, False), (numpy.nan, 0, False)],
)
def test_boxes_before_suppression_are_compared_one_by_one(box, score, holds):
    boxes, scores = numpy.ones((2, 5, 4), numpy.float32), numpy.ones((2, 5, 3), numpy.float32)
    other = boxes.copy(), scores.copy()
    other[0][1, 4, 3] += box
    other[1][1, 4, 2] += score
    first, second = compare_candidates((boxes, scores), other)
    assert first.holds and second.holds == holds
    assert (second.detections, second.pictures, second.unpaired) == (5, 1, 0)
