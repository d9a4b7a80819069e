"""VOC's average precision as MMDetection computes it for mmfewshot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy
import pytest
from golden_cases import GoldenCase, file_params, whole_case
from mpsr_reference import KINDS

from handful.evaluate.voc import VOC_2007_MMDET, VocRules, voc_evaluation
from handful.evaluate.voc_matching import FoundBoxes, KnownBoxes

pytestmark = pytest.mark.golden
AS_GIVEN = replace(VOC_2007_MMDET, first_pixel=0)
"""Detections and objects of the file count pixels alike."""

PRECISION = 1e-6


def column(case: GoldenCase, *names: str) -> numpy.ndarray:
    """Return the rows of all pictures, one name after the other on each."""
    pictures = range(case.number("n_images"))
    return numpy.concatenate([case.array(f"{name}{at}") for at in pictures for name in names])


def places(case: GoldenCase, *names: str) -> numpy.ndarray:
    """Return the picture of each row of ``column``."""
    pictures = range(case.number("n_images"))
    counts = [sum(len(case.array(f"{name}{at}")) for name in names) for at in pictures]
    return numpy.repeat(numpy.arange(len(counts)), counts)


def known(case: GoldenCase) -> KnownBoxes:
    counts = [
        (len(case.array(f"gl{at}")), len(case.array(f"il{at}")))
        for at in range(case.number("n_images"))
    ]
    difficult = [flag for plain, ignored in counts for flag in [False] * plain + [True] * ignored]
    return KnownBoxes(
        picture=places(case, "gl", "il"),
        label=column(case, "gl", "il"),
        boxes=column(case, "gt", "ig").astype(numpy.float64),
        difficult=numpy.array(difficult, dtype=bool),
    )


def found(case: GoldenCase) -> FoundBoxes:
    rows = column(case, "det")
    return FoundBoxes(places(case, "dl"), column(case, "dl"), rows[:, :4], rows[:, 4])


@pytest.mark.parametrize("file", file_params("mpsr", "voc_eval", KINDS))
def test_average_precision_is_the_same(file: Path) -> None:
    case = whole_case(file)
    names = [f"class {label}" for label in range(case.number("n_classes"))]
    shown, objects = found(case), known(case)

    def evaluation(rules: VocRules):
        return voc_evaluation(objects, shown, names, rules=rules)

    measured = evaluation(AS_GIVEN)
    positives = numpy.bincount(objects.label[~objects.difficult], minlength=len(names))
    assert positives.tolist() == case.numbers("num_gts")
    assert numpy.bincount(shown.label, minlength=len(names)).tolist() == case.numbers("num_dets")
    numpy.testing.assert_allclose(measured.ap[:, 0], case.array("ap"), rtol=0, atol=PRECISION)
    mean = measured.figures()["AP50"]
    assert mean == pytest.approx(case.number("mean_ap"), abs=PRECISION)
    area = numpy.nan_to_num(evaluation(replace(AS_GIVEN, interpolation="area")).ap[:, 0])
    numpy.testing.assert_allclose(area, case.array("ap_area"), rtol=0, atol=PRECISION)
