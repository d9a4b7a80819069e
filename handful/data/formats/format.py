"""What a data format is to the rest of the house."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from handful.data.dataset import Dataset
from handful.reporter import Reporter


class Reader(Protocol):
    """Reads a data set from a file or a folder; raises ``DataError`` on anything odd."""

    def __call__(
        self, path: Path, *, images: Path | None = None, require_pictures: bool = True
    ) -> Dataset:
        """``images``: where else pictures lie. ``require_pictures``: refuse missing ones."""
        ...


class Writer(Protocol):
    """Writes a data set, all or nothing."""

    def __call__(self, dataset: Dataset, path: Path, *, reporter: Reporter) -> None:
        """Raises ``DataError`` if the place is taken or cannot be written."""
        ...


@dataclass(frozen=True)
class Format:
    """One way to lay a data set on disk.

    recognises: whether the content of a path looks like this format. keeps: which of
    ``FACTS`` survive writing; ``data_convert`` tells the user about the others.
    """

    name: str
    description: str
    read: Reader
    recognises: Callable[[Path], bool]
    write: Writer | None = None
    keeps: frozenset[str] = frozenset()


def only_by_name(path: Path) -> bool:
    """Return False: a variant of a format that its content does not tell from the others."""
    return False


FACTS = {
    "scenes": "boxes in their pictures (each box is cut out)",
    "examples": "example pictures of the classes",
    "crowd": "crowd marks",
    "difficult": "difficult marks",
    "polygons": "outlines",
    "run_lengths": "masks written as run lengths",
    "visible": "visible parts of boxes",
    "unused": "classes without a box",
}
"""What a data set may hold that some formats have no place for."""
