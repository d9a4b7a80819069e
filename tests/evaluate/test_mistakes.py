import math

import numpy
import pytest

from handful.evaluate.mistakes import best_f1_score, find_mistakes
from handful.evaluate.voc_matching import CORRECT, IGNORED, WRONG, FoundBoxes, KnownBoxes


@pytest.mark.parametrize(
    ("judged", "positives", "expected"),
    [
        ([], 3, math.inf),
        ([WRONG, WRONG], 3, math.inf),
        ([CORRECT, WRONG, CORRECT, WRONG], 2, 0.7),
        ([CORRECT, WRONG, WRONG, CORRECT], 9, 0.6),
        ([CORRECT, WRONG, WRONG, WRONG, CORRECT], 2, 0.9),
        ([IGNORED, CORRECT], 1, 0.8),
    ],
)
def test_the_score_of_the_best_f1(judged, positives, expected):
    scores = 0.9 - 0.1 * numpy.arange(len(judged))
    assert best_f1_score(numpy.array(judged, numpy.int8), scores, positives) == pytest.approx(
        expected
    )


def test_pictures_come_by_the_number_of_mistakes():
    square = numpy.array([0.0, 0, 10, 10])
    far = square + 100
    known = KnownBoxes(
        picture=numpy.array([0, 1, 1, 2, 2]),
        label=numpy.array([0, 0, 1, 0, 0]),
        boxes=numpy.stack([square, square, square, square, far]) + [1, 1, 0, 0],
        difficult=numpy.array([False, False, False, False, True]),
    )
    found = FoundBoxes(
        picture=numpy.array([0, 1, 1, 2, 2]),
        label=numpy.array([0, 0, 0, 0, 1]),
        boxes=numpy.stack([square, far, square, square, far]),
        scores=numpy.array([0.9, 0.85, 0.8, 0.7, 0.99]),
    )
    mistakes = find_mistakes(known, found, 2)
    # Class 1 never hits, so none of its detections is shown; its object on picture 1 is missed.
    assert [one.picture for one in mistakes.pictures] == [1]
    assert mistakes.pictures[0].missed.tolist() == [2]
    assert mistakes.pictures[0].wrong.tolist() == [1]
    assert mistakes.thresholds.tolist() == [0.7, math.inf]


def test_nothing_known_and_nothing_found():
    nothing = numpy.zeros(0, numpy.int64)
    known = KnownBoxes(nothing, nothing, numpy.zeros((0, 4)), nothing > 0)
    found = FoundBoxes(nothing, nothing, numpy.zeros((0, 4)), numpy.zeros(0))
    assert find_mistakes(known, found, 3).pictures == ()
