"""Plots of what was measured: precision over recall, figures over the steps of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from handful.report.plot import Line, Plot

LINES_A_PLOT = 10
"""As many as have colours of their own."""

SMOOTHING = 0.02
"""Part of a training over which a value is averaged."""

Curve = tuple[Sequence[float], Sequence[float]]
"""Recall and precision, or step and value."""


def precision_recall_plots(curves: Mapping[str, Curve], *, title: str = "") -> list[Plot]:
    """Return plots of the ``curves`` of classes, at most ten in each."""
    names = list(curves)
    blocks = [names[start : start + LINES_A_PLOT] for start in range(0, len(names), LINES_A_PLOT)]
    return [
        Plot(
            lines=[Line(name, *curves[name]) for name in block],
            title=title,
            x_label="recall",
            y_label="precision",
            x_range=(0.0, 1.0),
            y_range=(0.0, 1.0),
        )
        for block in blocks
    ]


def training_plot(
    curves: Mapping[str, Curve], *, title: str = "", y_label: str = "", smooth: bool = True
) -> Plot:
    """Return one plot of ``curves`` (steps and values) over the steps of a training.

    With ``smooth`` the values themselves are faint behind their running mean.
    """
    lines: list[Line] = []
    for place, (name, (steps, values)) in enumerate(curves.items()):
        width = max(1, round(SMOOTHING * len(values))) if smooth else 1
        if width > 1:
            lines.append(Line(name, steps, values, faint=True, colour=place))
        lines.append(Line(name, steps, running_mean(values, width), colour=place))
    return Plot(lines=lines, title=title, x_label="step", y_label=y_label)


def running_mean(values: Sequence[float], width: int) -> list[float]:
    """Return the mean of each value and the up to ``width - 1`` before it; NaN counts for none."""
    means: list[float] = []
    total, count = 0.0, 0
    for place, value in enumerate(values):
        if math.isfinite(value):
            total, count = total + value, count + 1
        if place >= width and math.isfinite(values[place - width]):
            total, count = total - values[place - width], count - 1
        means.append(total / count if count else math.nan)
    return means
