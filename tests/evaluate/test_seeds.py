import math

import pytest

from handful.errors import DataError
from handful.evaluate.seeds import (
    Repetition,
    normal_half_width,
    paired_difference,
    published_tables,
    student_interval,
    summarise,
)


@pytest.mark.parametrize(
    ("values", "quantile"),
    [([1.0, 3.0], 12.7062), ([1.0, 2.0, 3.0], 4.30265), ([4.0, 5.0, 6.0, 9.0, 2.0], 2.77645)],
)
def test_students_interval(values, quantile):
    interval = student_interval(values)
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))
    assert interval.mean == pytest.approx(mean) and interval.count == len(values)
    assert interval.half_width == pytest.approx(
        quantile * deviation / math.sqrt(len(values)), rel=1e-5
    )
    assert interval.low == pytest.approx(mean - interval.half_width)


def test_one_value_has_no_interval():
    interval = student_interval([3.0])
    assert interval.to_json() == {"mean": 3.0, "low": None, "high": None, "n": 1}
    assert interval.half_width is None and not interval.excludes(100.0)


def test_the_originals_formula_takes_the_population():
    assert normal_half_width([1.0, 3.0]) == pytest.approx(1.96 / math.sqrt(2))
    assert normal_half_width([5.0]) == 0.0


def test_pairs_are_compared_run_by_run():
    difference = paired_difference({0: 10.0, 1: 50.0, 2: 30.0}, {2: 29.0, 1: 48.5, 0: 9.0})
    assert difference.mean == pytest.approx(3.5 / 3) and difference.excludes(0.0)
    unpaired = student_interval([10.0, 50.0, 30.0])
    assert difference.half_width < unpaired.half_width


def test_runs_without_a_counterpart_are_named():
    with pytest.raises(DataError, match="got 2, 7"):
        paired_difference({0: 1.0, 2: 1.0}, {0: 1.0, 7: 1.0})


def test_a_summary_says_what_was_repeated():
    runs = [{"AP50": 0.5, "AP": None}, {"AP50": 0.7, "AP": 0.1}]
    same, other = (summarise(runs, repetition=kind) for kind in Repetition)
    assert list(same.intervals) == ["AP50"] and same.intervals["AP50"].mean == pytest.approx(0.6)
    assert same.normal_half_widths["AP50"] == pytest.approx(normal_half_width([0.5, 0.7]))
    assert same.to_json()["repetition"] != other.to_json()["repetition"]


@pytest.mark.parametrize("values", [[], [1.0, math.nan]])
def test_figures_without_a_mean_are_refused(values):
    with pytest.raises(DataError, match="no mean"):
        student_interval(values)
    with pytest.raises(DataError, match="no runs"):
        summarise([], repetition=Repetition.SAME_BOXES)


def test_tables_as_the_original_writes_them():
    text = published_tables(
        ["nAP", "nAP50"], {"5shot_seed10": [1, 2], "5shot_seed2": [3, 100], "2shot_seed0": [5, 6]}
    )
    assert text == (
        "--> 5-shot\n"
        "|    |  nAP   | nAP50   |\n"
        "|:---|:-------|:--------|\n"
        "| 0  | 1.00   | 2.00    |\n"
        "| 1  | 3.00   | 100.00  |\n"
        "| μ  | 2.00   | 51.00   |\n"
        "| c  | 1.39   | 67.91   |\n\n"
        "--> 2-shot\n"
        "|    |  nAP   | nAP50   |\n"
        "|:---|:-------|:--------|\n"
        "| 0  | 5.00   | 6.00    |\n"
        "| μ  | 5.00   | 6.00    |\n"
        "| c  | 0.00   | 0.00    |\n\n"
    )
