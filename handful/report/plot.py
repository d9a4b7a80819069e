"""Line plots as SVG text: axes, several series, bands around them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from handful.files import write_text
from handful.report.draw import class_colour

Range = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One series; points whose y is not finite are left out.

    low, high: bounds of a band around it, or none. faint: drawn thin, without a name.
    colour: a place in the common row of colours, by default the place of the line.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    faint: bool = False
    colour: int | None = None


@dataclass(frozen=True)
class Plot:
    """What is drawn; a range that is None spans its data. Sizes in pixels."""

    lines: Sequence[Line]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    x_range: Range | None = None
    y_range: Range | None = None
    width: int = 720
    height: int = 420


LEFT, RIGHT, TOP, BOTTOM = 62, 16, 34, 46
"""Margins around the axes."""

LEGEND_WIDTH, LEGEND_STEP = 150, 18
NAME_LENGTH = 20
TICKS = 6
FEW_POINTS = 2000
"""Longer lines lose the points that no eye can see."""


def svg(plot: Plot, *, background: str = "") -> str:
    """Return ``plot`` as one SVG element, in the colour of the text around it."""
    frame = _Frame(plot)
    label = escape(plot.title or plot.y_label or "plot", quote=True)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {plot.width} {plot.height}" '
        f'width="{plot.width}" height="{plot.height}" role="img" aria-label="{label}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="currentColor">'
    ]
    if background:
        parts.append(f'<rect width="100%" height="100%" fill="{background}"/>')
    parts += frame.axes()
    for place, line in enumerate(plot.lines):
        parts += frame.line(line, _colour(line, place))
    return "\n".join([*parts, *frame.legend(), "</svg>"])


def save_plot(plot: Plot, path: Path | str) -> Path:
    """Write ``plot`` on white as an ``.svg`` file, all or nothing; returns the path."""
    write_text(path, svg(plot, background="white") + "\n")
    return Path(path)


def ticks(low: float, high: float, *, about: int = TICKS) -> list[float]:
    """Return round numbers from ``low`` to ``high``: steps of 1, 2 or 5 times a power of ten."""
    step = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(step))
    step = next(power * part for part in (1, 2, 5, 10) if power * part >= step * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [count * step for count in range(first, last + 1)]


class _Frame:
    """Axes of one plot: from values to pixels."""

    def __init__(self, plot: Plot) -> None:
        self.plot = plot
        self.named = [
            (line, _colour(line, place))
            for place, line in enumerate(plot.lines)
            if line.name and not line.faint
        ]
        legend = LEGEND_WIDTH if len(self.named) > 1 else 0
        self.right = plot.width - RIGHT - legend
        self.bottom = plot.height - BOTTOM
        self.x_range = plot.x_range or _span([line.x for line in plot.lines])
        self.y_range = plot.y_range or _span(
            [values for line in plot.lines for values in (line.y, line.low, line.high)]
        )

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (self.right - LEFT)

    def y(self, value: float) -> float:
        low, high = self.y_range
        inside = min(max(value, low), high)
        return self.bottom - (inside - low) / (high - low) * (self.bottom - TOP)

    def axes(self) -> list[str]:
        middle, centre = (LEFT + self.right) / 2, (TOP + self.bottom) / 2
        parts = [
            _text(middle, 20, self.plot.title, size=14, anchor="middle"),
            _text(middle, self.plot.height - 8, self.plot.x_label, anchor="middle"),
            _text(16, centre, self.plot.y_label, anchor="middle", turned=True),
        ]
        for value in ticks(*self.x_range):
            place = self.x(value)
            parts.append(_stroke(place, TOP, place, self.bottom))
            parts.append(_text(place, self.bottom + 18, _number(value), anchor="middle"))
        for value in ticks(*self.y_range):
            place = self.y(value)
            parts.append(_stroke(LEFT, place, self.right, place))
            parts.append(_text(LEFT - 8, place + 4, _number(value), anchor="end"))
        return [part for part in parts if part]

    def line(self, line: Line, colour: str) -> list[str]:
        parts = []
        if len(line.low) and len(line.high):
            edge = [*zip(line.x, line.high, strict=True)]
            edge += reversed([*zip(line.x, line.low, strict=True)])
            points = self._points(edge)
            parts.append(f'<polygon points="{points}" fill="{colour}" fill-opacity="0.18"/>')
        points = self._points(_thinned([*zip(line.x, line.y, strict=True)]))
        width, opacity = ("1", "0.35") if line.faint else ("1.8", "1")
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" '
            f'stroke-width="{width}" stroke-opacity="{opacity}" stroke-linejoin="round"/>'
        )
        return parts

    def legend(self) -> list[str]:
        if len(self.named) < 2:
            return []
        parts = []
        for place, (line, colour) in enumerate(self.named):
            x, y = self.right + 14, TOP + 8 + place * LEGEND_STEP
            name = (
                line.name if len(line.name) <= NAME_LENGTH else line.name[: NAME_LENGTH - 1] + "…"
            )
            parts.append(
                f'<line x1="{x}" y1="{y}" x2="{x + 16}" y2="{y}" stroke="{colour}" '
                'stroke-width="3"/>'
            )
            parts.append(_text(x + 22, y + 4, name))
        return parts

    def _points(self, values: Sequence[tuple[float, float]]) -> str:
        return " ".join(
            f"{self.x(x):.1f},{self.y(y):.1f}"
            for x, y in values
            if math.isfinite(x) and math.isfinite(y)
        )


def _span(columns: Sequence[Sequence[float]]) -> Range:
    values = [float(value) for column in columns for value in column if math.isfinite(value)]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return few enough points that still show every peak: the extremes of each stretch."""
    stretch = math.ceil(2 * len(points) / FEW_POINTS)
    if len(points) <= FEW_POINTS:
        return points
    kept = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        extremes = (min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1]))
        kept += sorted(set(extremes))
    return kept


def _colour(line: Line, place: int) -> str:
    red, green, blue = class_colour(place if line.colour is None else line.colour)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _number(value: float) -> str:
    return f"{value:.6g}" if abs(value) >= 1e-9 else "0"


def _stroke(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        'stroke="currentColor" stroke-opacity="0.15"/>'
    )


def _text(
    x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", turned: bool = False
) -> str:
    if not text:
        return ""
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"{turn}>'
        f"{escape(text)}</text>"
    )
