import pytest
import torch

from handful.predict.suggested import HIGHEST, LOWEST, example_scores, suggested_scores
from handful.structures import Detections, Targets

NAMES = ("cup", "pen")
SIZE = (100, 100)
A, B, ELSEWHERE = (10, 10, 30, 30), (50, 50, 90, 90), (60, 0, 80, 20)


def test_examples_score_as_the_best_detection_of_their_class_that_covers_them():
    shown = Targets.of(torch.tensor([A, B], dtype=torch.float32), torch.tensor([0, 1]), SIZE)
    rows = [(A, 0.4, 0), (A, 0.9, 1), (A, 0.6, 0), (ELSEWHERE, 0.8, 1)]
    found = Detections(
        torch.tensor([row[0] for row in rows], dtype=torch.float32),
        torch.tensor([row[1] for row in rows]),
        torch.tensor([row[2] for row in rows]),
        SIZE,
        NAMES,
    )
    scores = example_scores([found], [shown], NAMES)
    assert scores == {"cup": [pytest.approx(0.6)], "pen": [0.0]}


@pytest.mark.parametrize(
    ("scores", "suggested"),
    [([0.4, 0.8, 0.6], 0.3), ([0.0, 0.0, 0.9], LOWEST), ([1.0], 0.5)],
)
def test_half_of_the_middle_score_is_suggested(scores, suggested):
    assert suggested_scores({"cup": scores})["cup"] == pytest.approx(suggested)
    assert LOWEST <= suggested <= HIGHEST
