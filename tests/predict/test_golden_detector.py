"""The detector against the original's evaluation of a tiny data set, end to end."""

from __future__ import annotations

import math

import pytest
import torch
from golden_cases import GoldenCase
from os2d_reference import (
    TINY_CLASSES,
    TINY_SCENES,
    config_named,
    os2d_cases,
    picture,
    stand_in_network,
    tiny_scene,
)

from handful.predict.oneshot import OneShotDetector
from handful.predict.settings import SearchSettings

pytestmark = pytest.mark.golden
BOX_TOLERANCE, SCORE_TOLERANCE = 0.05, 1e-4


@pytest.mark.parametrize("case", os2d_cases("evaluate"))
def test_the_detector_finds_what_the_original_finds(case: GoldenCase) -> None:
    settings = SearchSettings(
        scales=tuple(round(scale, 6) for scale in case.numbers("scales")),
        views=case.number("augmentation"),
        score=-math.inf,
        max_detections=None,
        max_bytes=1,
    )
    detector = OneShotDetector(stand_in_network(config_named(case.number("label"))), settings)
    detector.remember({str(number): picture(*TINY_CLASSES[number]) for number in TINY_CLASSES})
    for scene_id in TINY_SCENES:
        found = detector.detect(tiny_scene(scene_id)[0])
        numbers = torch.tensor([int(name) for name in found.names()])
        assert len(found) == case.number(f"total_{scene_id}")
        columns = (case[f"{name}_{scene_id}"] for name in ("labels", "scores", "boxes"))
        for label, score, box in zip(*columns, strict=True):
            near = (found.scores - score).abs() <= SCORE_TOLERANCE
            same = near & (numbers == label)
            assert float((found.boxes[same] - box).abs().amax(dim=1).min()) <= BOX_TOLERANCE
