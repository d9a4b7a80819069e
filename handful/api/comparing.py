"""Curves of several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from handful.errors import ConfigError
from handful.files import require_writable
from handful.report.runs_page import write_runs_page
from handful.train.log import read_log
from handful.train.run import LOG


def compare(
    runs: Sequence[Path | str],
    *,
    out: Path | str = Path("out") / "runs.html",
    show: Sequence[str] = (),
) -> Path:
    """Draw the losses and figures of ``runs`` into one page, or one value into an ``.svg``.

    runs: folders of runs, or their logs. show: names of losses and figures, all by default.
    Returns the path. Raises ``DataError`` for a folder without a log, ``ConfigError`` for a value
    that no log holds.
    """
    if not runs:
        raise ConfigError("no run to show", field="runs", expected="one folder or more")
    require_writable(Path(out))
    places = [Path(run) for run in runs]
    logs = [place / LOG if place.is_dir() else place for place in places]
    names = _names([log.parent for log in logs])
    read = {
        name: (read_log(log), read_log(log, "evaluation"))
        for name, log in zip(names, logs, strict=True)
    }
    return write_runs_page(out, read, show)


def _names(folders: Sequence[Path]) -> list[str]:
    """Return the shortest ends of the paths that tell the runs apart."""
    parts = [folder.absolute().parts for folder in folders]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise ConfigError("a run is named twice", field="runs", got=", ".join(map(str, folders)))
