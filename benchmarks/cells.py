"""Figures that take hours: every cell is kept as it comes, and several processes may share."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.evaluate.seeds import Interval
from handful.files import write_json


def kept(file: Path) -> dict[str, Any]:
    """Return the figures measured so far, by cell."""
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def keep(file: Path, fresh: Mapping[str, Any]) -> dict[str, Any]:
    """Add ``fresh`` cells to those that ``file`` holds by now, and return all."""
    for key, figures in fresh.items():
        sys.stdout.write(f"{key} {figures}\n")
    sys.stdout.flush()
    cells = {**kept(file), **fresh}
    write_json(file, dict(sorted(cells.items())))
    return cells


def shown(interval: Interval, *, sign: str = "") -> str:
    """Return a mean and half of its interval."""
    half = interval.half_width
    return f"{interval.mean:{sign}.1f}" + ("" if half is None else f" ± {half:.1f}")
