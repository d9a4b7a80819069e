"""Showing small groups of pictures more often in a pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from handful.data.dataset import Dataset
from handful.errors import ConfigError


@dataclass(frozen=True)
class Repetition:
    """Repeats small groups, as mmfewshot does for VOC's pictures of both years.

    groups: parts of file names that tell the groups apart, the first that is found deciding;
    pictures with none of them are a last group. A group of g < ``fewest`` pictures is shown
    int(``filled`` / g) + 1 times; a group without pictures is no mistake.
    """

    groups: tuple[str, ...] = ()
    fewest: int = 50
    filled: int = 100

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(self.groups))
        for name in ("fewest", "filled"):
            if getattr(self, name) < 0:
                raise ConfigError(
                    "a repetition that makes no sense",
                    field=name,
                    got=getattr(self, name),
                    expected="0 or more",
                )

    def times(self, count: int) -> int:
        """Return how often a group of ``count`` pictures is shown."""
        return self.filled // count + 1 if 0 < count < self.fewest else 1

    def positions(self, file_names: Sequence[str]) -> list[int]:
        """Return positions of pictures with these names, group after group, as often as shown."""
        grouped: list[list[int]] = [[] for _ in range(len(self.groups) + 1)]
        for position, name in enumerate(file_names):
            found = (at for at, part in enumerate(self.groups) if part in name)
            grouped[next(found, len(self.groups))].append(position)
        return [at for group in grouped for at in group * self.times(len(group))]


def repeated(dataset: Dataset, repetition: Repetition) -> Dataset:
    """Return ``dataset`` with each picture as often as ``repetition`` shows it."""
    return dataset.subset(repetition.positions([one.file_name for one in dataset.pictures]))
