"""Curves of several runs in one picture: a view on their logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handful.errors import ConfigError, suggest
from handful.report.curves import LINES_A_PLOT, Curve, training_plot
from handful.report.html import Cell, Heading, Part, Table, write_page
from handful.report.plot import Plot, save_plot
from handful.report.run_page import NOT_CURVES, column_curves

Columns = Mapping[str, Sequence[Any]]
Logs = Mapping[str, tuple[Columns, Columns]]
"""Name of a run -> its updates and its evaluations, as ``read_log`` gives them."""


def runs_plots(logs: Logs, values: Sequence[str] = ()) -> dict[str, Plot]:
    """Return a plot for each of ``values`` with a line a run; all that the logs hold if none.

    Losses are smoothed. Raises ``ConfigError`` for a value that no log holds, and for more runs
    than have colours of their own.
    """
    if len(logs) > LINES_A_PLOT:
        raise ConfigError(
            "too many runs for one picture", got=len(logs), expected=f"{LINES_A_PLOT} or fewer"
        )
    losses = {run: column_curves(updates, NOT_CURVES) for run, (updates, _) in logs.items()}
    figures = {run: column_curves(measured, ("time",)) for run, (_, measured) in logs.items()}
    known = _names(losses) | _names(figures)
    for value in values:
        if value not in known:
            raise ConfigError(
                "no log holds this value", field="show", got=value, remedy=suggest(value, known)
            )
    plots = {}
    for value in values or known:
        measured = value in _names(figures)
        source = figures if measured else losses
        lines = {run: curves[value] for run, curves in source.items() if value in curves}
        plots[value] = training_plot(lines, title=value, smooth=not measured)
    return plots


def write_runs_page(path: Path | str, logs: Logs, values: Sequence[str] = ()) -> Path:
    """Write the plots of ``logs``, and the best and the last figures of each run, as a page.

    A path that ends in ``.svg`` gets the one plot of the only value instead. Returns the path.
    Raises ``ConfigError`` as ``runs_plots`` does, and for an ``.svg`` of several values.
    """
    target, plots = Path(path), runs_plots(logs, values)
    if target.suffix == ".svg":
        if len(plots) != 1:
            raise ConfigError(
                "one picture shows one value",
                field="show",
                got=", ".join(plots) or "nothing",
                expected="one name",
                remedy="Name it with --show, or write a page that ends in .html",
            )
        return save_plot(next(iter(plots.values())), target)
    if target.suffix != ".html":
        raise ConfigError(
            "an unknown kind of file", field="out", got=target.name, expected=".html or .svg"
        )
    parts: list[Part] = [_figures(logs), Heading("Curves"), *plots.values()]
    return write_page(target, "Runs", parts, lead=", ".join(logs))


def _names(curves: Mapping[str, Mapping[str, Curve]]) -> dict[str, None]:
    """Return the values that any run has, in order."""
    return dict.fromkeys(name for own in curves.values() for name in own)


def _figures(logs: Logs) -> Table:
    """Return a row a run: updates, seconds an update, and each figure at its best and at last."""
    names = list(_names({run: column_curves(last, ("time",)) for run, (_, last) in logs.items()}))
    rows: list[list[Cell]] = []
    for run, (updates, measured) in logs.items():
        curves = column_curves(measured, ("time",))
        seconds = column_curves(updates, ()).get("seconds", ((), ()))[1]
        row: list[Cell] = [
            run,
            max((int(step) for step in updates.get("step", ())), default=0),
            sum(seconds) / len(seconds) if seconds else None,
        ]
        for name in names:
            values = curves.get(name, ((), ()))[1]
            row += [max(values), values[-1]] if values else [None, None]
        rows.append(row)
    heads = [word for name in names for word in (f"{name}, best", f"{name}, last")]
    return Table(["run", "updates", "seconds an update", *heads], rows)
