"""Progress on a terminal, or as plain lines where there is none; both on stderr."""

from __future__ import annotations

import sys
import time
from typing import IO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from handful.reporter import Reporter

SECONDS_BETWEEN_LINES = 10.0


def terminal_reporter(stream: IO[str] | None = None) -> Reporter:
    """Return what shows progress on ``stream``, by default stderr."""
    place = stream or sys.stderr
    return BarReporter(place) if place.isatty() else LineReporter(place)


class BarReporter:
    """Bars with the time left, for people."""

    def __init__(self, stream: IO[str]) -> None:
        self.progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
            console=Console(file=stream),
        )
        self.tasks: dict[str, TaskID] = {}

    def start(self, task: str, total: int | None) -> None:
        """Show a bar of ``total`` steps."""
        self.tasks[task] = self.progress.add_task(task, total=total, figures="")
        self.progress.start()

    def advance(self, task: str, steps: int = 1, **values: float) -> None:
        """Move the bar, and show ``values`` beside it."""
        number = self.tasks[task]
        self.progress.update(number, advance=steps)
        if values:
            self.progress.update(number, figures=_figures(values))

    def finish(self, task: str) -> None:
        """Leave the bar as it stands."""
        self.progress.stop_task(self.tasks.pop(task))
        if not self.tasks:
            self.progress.stop()

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self.progress.console.print(text, markup=False, highlight=False)


class LineReporter:
    """A line now and then, for logs."""

    def __init__(self, stream: IO[str], *, every: float = SECONDS_BETWEEN_LINES) -> None:
        self.stream, self.every = stream, every
        self.tasks: dict[str, _Task] = {}

    def start(self, task: str, total: int | None) -> None:
        """Start the clock; an error at the first step shall be the only line."""
        self.tasks[task] = _Task(total)

    def advance(self, task: str, steps: int = 1, **values: float) -> None:
        """Say how far it is, if the last line is long enough ago."""
        state = self.tasks[task]
        state.done += steps
        now = time.monotonic()
        if now - state.said >= self.every:
            state.said = now
            self.note(f"{task}: {state.describe(now)} {_figures(values)}".rstrip())

    def finish(self, task: str) -> None:
        """Say how long it took, if anything was done."""
        state = self.tasks.pop(task)
        took = time.monotonic() - state.began
        if state.done:
            self.note(f"{task}: {state.count()} done in {took:.1f} s")

    def note(self, text: str) -> None:
        """Write a line."""
        self.stream.write(text + "\n")
        self.stream.flush()


class _Task:
    def __init__(self, total: int | None) -> None:
        self.total, self.done = total, 0
        self.began = self.said = time.monotonic()

    def count(self) -> str:
        return f"{self.done}" if self.total is None else f"{self.done} of {self.total}"

    def describe(self, now: float) -> str:
        if not self.total or not self.done:
            return self.count()
        left = (now - self.began) / self.done * (self.total - self.done)
        return f"{self.count()}, {left:.0f} s left"


def _figures(values: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.4g}" for name, value in values.items())
