"""Progress on a terminal and in a log."""

from __future__ import annotations

import io

import pytest

from handful.cli.terminal import BarReporter, LineReporter, terminal_reporter
from handful.reporter import track


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_bars_and_a_log_gets_lines() -> None:
    assert isinstance(terminal_reporter(Screen()), BarReporter)
    assert isinstance(terminal_reporter(io.StringIO()), LineReporter)


def test_a_log_says_how_far_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 4))
    monkeypatch.setattr("handful.cli.terminal.time.monotonic", lambda: float(next(clock)))
    log = io.StringIO()
    reporter = LineReporter(log, every=10)
    for _ in track(range(6), reporter, "searching"):
        pass
    assert log.getvalue().splitlines() == [
        "searching: 3 of 6, 12 s left",
        "searching: 6 of 6, 0 s left",
        "searching: 6 of 6 done in 28.0 s",
    ]


def test_a_task_that_fails_at_once_leaves_the_line_to_its_error() -> None:
    log = io.StringIO()
    with pytest.raises(ValueError, match="broken"):
        for _ in track(range(6), LineReporter(log), "searching"):
            raise ValueError("broken")
    assert log.getvalue() == ""


def test_figures_and_notes_are_shown() -> None:
    log = io.StringIO()
    reporter = LineReporter(log, every=0)
    reporter.start("train", None)
    reporter.advance("train", loss=0.123456)
    reporter.note("resumed")
    assert "train: 1 loss 0.1235" in log.getvalue() and "resumed\n" in log.getvalue()


def test_bars_run_side_by_side_and_stop_at_an_error() -> None:
    screen = Screen()
    reporter = BarReporter(screen)
    with pytest.raises(ValueError, match="broken"):
        for _ in track(range(3), reporter, "outer"):
            for _ in track(range(2), reporter, "inner [x]"):
                reporter.note("a note")
                raise ValueError("broken")
    assert not reporter.tasks and not reporter.progress.live.is_started
    assert "a note" in screen.getvalue() and "inner [x]" in screen.getvalue()
