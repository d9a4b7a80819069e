"""The diary of a run: one JSON object a line, whole or not at all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from handful.errors import DataError
from handful.files import write_text
from handful.train.writing import explained_writing


class EventLog:
    """Appends events to ``path``; ``step`` is how many updates had been made.

    An event may be lost if the machine fails, but never cut: a half-written last line is
    dropped when training resumes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def resume(self, step: int) -> None:
        """Forget everything after update ``step``; it will happen again."""
        kept = [event for event in _events(self.path) if event.get("step", 0) <= step]
        if kept or self.path.exists():
            with explained_writing(self.path):
                write_text(self.path, "".join(map(_line, kept)))

    def write(self, event: str, step: int, values: Mapping[str, Any] | None = None) -> None:
        """Append one event; raises ``DataError`` if that fails."""
        now = round(time.time(), 3)
        line = _line({"event": event, "step": step, **(values or {}), "time": now})
        with explained_writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line)


def read_log(path: Path | str, event: str = "step") -> dict[str, list[Any]]:
    """Return the events of one kind as columns of equal length, None where a value is absent.

    event: "step" (losses, lr, gradient, seconds of every update), "evaluation" (figures),
    "start" (every sitting), "skipped" or "plateau". Raises ``DataError`` if there is no such file.
    """
    place = Path(path)
    if not place.is_file():
        raise DataError("there is no log here", file=place, remedy="Name the log.jsonl of a run")
    rows = [row for row in _events(place) if row.get("event") == event]
    names = dict.fromkeys(name for row in rows for name in row if name != "event")
    return {name: [row.get(name) for row in rows] for name in names}


def _line(values: Mapping[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False) + "\n"


def _events(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every whole line; a run may have been killed while it wrote the last."""
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and line.endswith("\n"):
                yield event
