"""Measuring in a process of its own, whose memory nothing else has filled."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from handful.errors import HandfulError


def run_alone(module: str, order: object, *, what: str, remedy: str) -> Any:
    """Run ``module`` in a fresh process on ``order``, as JSON, and return what it prints, read.

    what: the work, for the message of the ``HandfulError`` that is raised if it does not end well.
    """
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(order),
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise HandfulError(
            f"{what} did not end well",
            got=f"exit code {done.returncode}: {reason}",
            remedy=f"If memory ran out, {remedy}",
        )
    return json.loads(done.stdout)
