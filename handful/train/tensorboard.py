"""The figures of a run for TensorBoard, which is an extra."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from handful.errors import NotSupported


class TensorBoardLog:
    """Writes what is a number to ``folder``, one curve a figure, from update ``start`` on.

    Raises ``NotSupported`` if the package is not installed.
    """

    def __init__(self, folder: Path, *, start: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise NotSupported(
                "TensorBoard is not installed",
                got=str(error),
                remedy="Run pip install 'handful[track]', or do without",
            ) from error
        self.writer = SummaryWriter(str(folder), purge_step=start)

    def write(self, event: str, step: int, values: Mapping[str, Any]) -> None:
        """Add one point to each curve of ``event``."""
        for name, value in values.items():
            if isinstance(value, (int, float)):
                self.writer.add_scalar(f"{event}/{name}", value, step)
        self.writer.flush()
