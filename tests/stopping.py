"""A user who ends a run from the keyboard."""

from __future__ import annotations

from handful.reporter import SilentReporter


class Stops(SilentReporter):
    """Ends the run after so many updates of training."""

    def __init__(self, after: int = 1) -> None:
        self.left = after

    def advance(self, task: str, steps: int = 1, **values: float) -> None:
        self.left -= steps if task == "train" else 0
        if not self.left:
            raise KeyboardInterrupt
