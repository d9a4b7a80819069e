"""Figures of repeated runs: means, intervals, differences of pairs.

Two kinds of repetition are told apart, because their intervals mean different things: one set
of boxes trained on again and again shows what chance in training does; different sets show
also how much hangs on which boxes are drawn, which is what a user meets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy
from numpy.typing import NDArray

from handful.errors import DataError

NORMAL_95 = 1.96
"""Half-width in standard errors that the originals take, however few runs there are."""

CONFIDENCE = 0.95
HEAD_PADDING = 2
"""What the original's table writer leaves room for beside a head."""


class Repetition(Enum):
    """What was repeated."""

    SAME_BOXES = "one set of boxes, trained again"
    OTHER_BOXES = "a new set of boxes each time"


@dataclass(frozen=True)
class Interval:
    """A mean with the bounds of its confidence interval; no bounds from fewer than two values."""

    mean: float
    low: float | None
    high: float | None
    count: int

    @property
    def half_width(self) -> float | None:
        """Half the length of the interval."""
        return None if self.high is None else self.high - self.mean

    def excludes(self, value: float) -> bool:
        """Return whether ``value`` lies outside the interval."""
        return self.low is not None and self.high is not None and not self.low <= value <= self.high

    def to_json(self) -> dict[str, float | int | None]:
        """Return mean, low, high and n."""
        return {"mean": self.mean, "low": self.low, "high": self.high, "n": self.count}


@dataclass(frozen=True)
class Summary:
    """What repeated runs of one setting give.

    intervals: by metric, Student's t. normal_half_widths: by metric, as the originals
    compute them.
    """

    repetition: Repetition
    intervals: dict[str, Interval]
    normal_half_widths: dict[str, float]

    def to_json(self) -> dict[str, object]:
        """Return plain values, ready for ``json.dumps``."""
        return {
            "repetition": self.repetition.value,
            "intervals": {name: one.to_json() for name, one in self.intervals.items()},
            "normal_half_widths": dict(self.normal_half_widths),
        }


def student_interval(values: Sequence[float], *, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of ``values`` and Student's interval for it.

    Raises ``DataError`` for no values, or one that is not finite.
    """
    numbers = _checked(values)
    mean, count = float(numbers.mean()), len(numbers)
    if count < 2:
        return Interval(mean, None, None, count)
    from scipy.special import stdtrit

    quantile = float(stdtrit(count - 1, (1 + confidence) / 2))
    half = quantile * float(numbers.std(ddof=1)) / math.sqrt(count)
    return Interval(mean, mean - half, mean + half, count)


def normal_half_width(values: Sequence[float]) -> float:
    """Return 1.96 population standard deviations over the root of the number of values.

    The formula of TFA and DeFRCN; too narrow for few runs, so compare it only with theirs.
    """
    numbers = _checked(values)
    return NORMAL_95 * float(numbers.std()) / math.sqrt(len(numbers))


def paired_difference(
    first: Mapping[Any, float], second: Mapping[Any, float], *, confidence: float = CONFIDENCE
) -> Interval:
    """Return the mean of ``first`` minus ``second``, run by run, with Student's interval.

    Both map a run (its seed) to a figure. Raises ``DataError`` unless the runs are the same.
    """
    odd = sorted(map(str, set(first) ^ set(second)))
    if odd:
        raise DataError(
            "runs without a counterpart",
            got=", ".join(odd),
            expected="the same runs on both sides",
            remedy="Run the missing ones, or leave the others out",
        )
    return student_interval([first[run] - second[run] for run in first], confidence=confidence)


def summarise(runs: Sequence[Mapping[str, float | None]], *, repetition: Repetition) -> Summary:
    """Return mean and intervals of every metric that all ``runs`` have a value for."""
    if not runs:
        raise DataError("no runs to summarise", expected="one or more")
    columns = {
        name: [float(run[name] or 0.0) for run in runs]
        for name in runs[0]
        if all(run.get(name) is not None for run in runs)
    }
    return Summary(
        repetition=repetition,
        intervals={name: student_interval(values) for name, values in columns.items()},
        normal_half_widths={name: normal_half_width(values) for name, values in columns.items()},
    )


def published_tables(header: Sequence[str], runs: Mapping[str, Sequence[float]]) -> str:
    """Return the tables that DeFRCN's summary tool writes, one a number of shots.

    runs: folder name, such as ``5shot_seed3``, -> its figures in the order of ``header``.
    Shots come in the order they are met, runs in the order of their names.
    """
    shots = dict.fromkeys(name.split("_")[0].removesuffix("shot") for name in runs)
    parts = []
    for shot in shots:
        rows = [runs[name] for name in sorted(runs) if name.split("_")[0] == f"{shot}shot"]
        parts.append(f"--> {shot}-shot\n{published_table(header, rows)}\n\n")
    return "".join(parts)


def published_table(header: Sequence[str], rows: Sequence[Sequence[float]]) -> str:
    """Return one table: the runs, their mean μ, and c as in ``normal_half_width``."""
    columns = list(zip(*rows, strict=True))
    means = [float(_checked(column).mean()) for column in columns]
    widths = [normal_half_width(column) for column in columns]
    names = [*map(str, range(len(rows))), "μ", "c"]
    # The tool splits "copypaste: AP,AP50" at the colon and so keeps the blank before AP.
    heads = ["", *(f" {name}" if not place else name for place, name in enumerate(header))]
    body = [
        [name, *(f"{value:.2f}" for value in row)]
        for name, row in zip(names, [*rows, means, widths], strict=True)
    ]
    return _pipes(heads, body)


def _pipes(heads: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a table of pipes, all columns on the left."""
    cells = list(zip(*body, strict=True))
    widths = [
        max(len(head) + HEAD_PADDING, *map(len, column))
        for head, column in zip(heads, cells, strict=True)
    ]

    def line(texts: Sequence[str]) -> str:
        padded = (text.ljust(width) for text, width in zip(texts, widths, strict=True))
        return "| " + " | ".join(padded) + " |"

    rule = "|" + "|".join(":" + "-" * (width + 1) for width in widths) + "|"
    return "\n".join([line(heads), rule, *map(line, body)])


def _checked(values: Sequence[float]) -> NDArray[numpy.float64]:
    numbers = numpy.asarray(values, dtype=numpy.float64)
    if not len(numbers) or not numpy.isfinite(numbers).all():
        raise DataError(
            "figures that have no mean",
            got=", ".join(f"{value:g}" for value in numbers.tolist()) or "none",
            expected="one finite figure a run",
        )
    return numbers
