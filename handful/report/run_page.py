"""The page of a training run: curves, evaluations, recipe; a view on its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handful.report.curves import Curve, training_plot
from handful.report.html import Cell, Heading, Part, Table, write_page

NOT_CURVES = ("step", "time", "seconds", "gradient", "lr")
"""Columns of a log of updates that are no losses."""

Columns = Mapping[str, Sequence[Any]]


def write_run_page(
    path: Path | str,
    *,
    title: str,
    updates: Columns,
    evaluations: Columns,
    recipe: Mapping[str, str],
) -> Path:
    """Write what a run has done so far; returns the path.

    updates, evaluations: columns of its log, as ``read_log`` gives them. recipe: every value
    by its dotted path.
    """
    parts: list[Part] = []
    if updates.get("step"):
        parts += [
            Heading("Losses"),
            training_plot(column_curves(updates, NOT_CURVES)),
            Heading("Learning rate"),
            training_plot(column_curves(updates, [name for name in updates if name != "lr"])),
        ]
    if evaluations.get("step"):
        parts += [
            Heading("Figures"),
            training_plot(column_curves(evaluations, ("step", "time")), smooth=False),
            _table(evaluations),
        ]
    rows: list[list[Cell]] = [[name, value] for name, value in recipe.items()]
    parts += [Heading("Recipe"), Table(["field", "value"], rows)]
    done = max((int(step) for step in updates.get("step", ())), default=0)
    return write_page(path, title, parts, lead=f"{done} updates so far.")


def column_curves(columns: Columns, left_out: Sequence[str]) -> dict[str, Curve]:
    """Return step and value of every column of numbers but ``left_out``."""
    steps = columns.get("step", ())
    curves: dict[str, Curve] = {}
    for name, values in columns.items():
        if name in left_out or name == "step":
            continue
        pairs = [
            (float(step), float(value))
            for step, value in zip(steps, values, strict=True)
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        ]
        if pairs:
            curves[name] = ([step for step, _ in pairs], [value for _, value in pairs])
    return curves


def _table(evaluations: Columns) -> Table:
    names = ["step", *column_curves(evaluations, ("time",))]
    rows: list[list[Cell]] = [
        list(row) for row in zip(*(evaluations[name] for name in names), strict=True)
    ]
    return Table(names, rows)
