"""How long work tells what it is doing, without the library ever printing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")


class Reporter(Protocol):
    """Whoever listens to progress: a terminal, a log file, a test, nobody."""

    def start(self, task: str, total: int | None) -> None:
        """A task of ``total`` steps begins."""

    def advance(self, task: str, steps: int = 1, **values: float) -> None:
        """``steps`` more are done; ``values`` are figures worth showing."""

    def finish(self, task: str) -> None:
        """The task has ended."""

    def note(self, text: str) -> None:
        """One sentence worth a line."""


class SilentReporter:
    """The reporter of the library's default: it tells nobody."""

    def start(self, task: str, total: int | None) -> None:
        """Say nothing."""

    def advance(self, task: str, steps: int = 1, **values: float) -> None:
        """Say nothing."""

    def finish(self, task: str) -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""


def track(
    items: Iterable[Item], reporter: Reporter, task: str, total: int | None = None
) -> Iterator[Item]:
    """Yield ``items``, reporting one step after each."""
    if total is None and hasattr(items, "__len__"):
        total = len(items)  # type: ignore[arg-type]
    reporter.start(task, total)
    try:
        for item in items:
            yield item
            reporter.advance(task)
    finally:
        reporter.finish(task)
