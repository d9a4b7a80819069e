"""What a trained detector shows of all that it finds."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image

from handful.predict.trained import TrainedDetector
from handful.structures import Detections

PICTURE = Image.new("RGB", (64, 64))
BOXES = torch.tensor([[0.0, 0, 30, 30], [1, 0, 30, 30], [30, 30, 60, 60]])
FOUND = Detections(
    BOXES, torch.tensor([0.9, 0.8, 0.4]), torch.tensor([0, 1, 1]), (64, 64), ("cup", "can")
)


class Finding(TrainedDetector):
    """Finds the same on every picture."""

    def __init__(self, calibration: Any, suggested: dict[str, float]) -> None:
        self.calibration, self.score, self.suggested = calibration, 0.3, suggested

    def detect_all(self, image: Any) -> Detections:
        return FOUND


@pytest.mark.parametrize(
    ("exclusive", "suggested", "expected"),
    [
        (None, {}, [0.9, 0.8, 0.4]),
        (False, {}, [0.9, 0.8, 0.4]),
        (True, {}, [0.9, 0.4]),
        (True, {"cup": 0.95}, [0.4]),
        (False, {"can": 0.5}, [0.9, 0.8]),
    ],
)
def test_an_object_with_several_names_is_shown_by_its_best(exclusive, suggested, expected):
    calibration = None if exclusive is None else SimpleNamespace(exclusive=exclusive)
    found = Finding(calibration, suggested).detect(PICTURE)
    assert found.scores.tolist() == pytest.approx(expected)
