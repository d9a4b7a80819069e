import math

import pytest

from handful.report.curves import precision_recall_plots, running_mean, training_plot


def test_at_most_ten_classes_share_a_plot():
    curves = {f"class {n}": ([0.0, 1.0], [1.0, 0.5]) for n in range(23)}
    plots = precision_recall_plots(curves)
    assert [len(plot.lines) for plot in plots] == [10, 10, 3]
    assert plots[2].lines[0].name == "class 20"
    assert plots[0].x_range == plots[0].y_range == (0.0, 1.0)


@pytest.mark.parametrize(
    ("values", "width", "expected"),
    [
        ([1, 2, 3, 4], 1, [1, 2, 3, 4]),
        ([1, 2, 3, 4], 2, [1, 1.5, 2.5, 3.5]),
        ([1, math.nan, 3, math.nan, math.nan], 2, [1, 1, 3, 3, math.nan]),
        ([], 3, []),
    ],
)
def test_running_mean(values, width, expected):
    assert running_mean(values, width) == pytest.approx(expected, nan_ok=True)


def test_long_trainings_are_smoothed_over_faint_values():
    steps, noisy = range(500), [float(n % 2) for n in range(500)]
    raw, mean = training_plot({"total": (steps, noisy)}, y_label="loss").lines
    assert raw.faint and not mean.faint and raw.colour == mean.colour
    assert max(mean.y[100:]) - min(mean.y[100:]) < 0.2
    assert len(training_plot({"total": (steps, noisy)}, smooth=False).lines) == 1
