"""Feature maps of many pictures on disk, one file a picture, read a few rows at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from handful.errors import DataError
from handful.files import read_json, replacing, write_json

CARD = "card.json"
KIND = "handful feature maps"
NUMBERS = numpy.dtype("<f4")


@dataclass(frozen=True)
class StoreCard:
    """What the files of a store were made from.

    model: fingerprint of the network. shapes: (channels, height, width) of each level.
    pictures: names of the pictures, in order.
    """

    model: str
    shapes: tuple[tuple[int, int, int], ...]
    pictures: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for ``json.dumps``."""
        return {
            "kind": KIND,
            **asdict(self),
            "shapes": [list(shape) for shape in self.shapes],
            "pictures": list(self.pictures),
        }


class FeatureStore:
    """The maps of the pictures of ``card`` in ``folder``; each is written whole or not at all.

    A folder that holds part of the same maps is gone on with. Raises ``DataError`` if it holds
    those of another model, of other sizes or of other pictures.
    """

    def __init__(self, folder: Path, card: StoreCard) -> None:
        self.folder = folder
        self.card = card
        place = folder / CARD
        if place.exists():
            self._require_same(read_json(place), place)
        else:
            write_json(place, card.to_json())

    def __len__(self) -> int:
        return len(self.card.pictures)

    def path(self, picture: int) -> Path:
        """Return where the maps of picture number ``picture`` lie."""
        return self.folder / f"{picture:06d}.maps"

    def missing(self) -> list[int]:
        """Return the numbers of the pictures that have not been written yet."""
        size = NUMBERS.itemsize * sum(math.prod(shape) for shape in self.card.shapes)
        return [
            picture
            for picture in range(len(self))
            if not (place := self.path(picture)).exists() or place.stat().st_size != size
        ]

    def write(self, picture: int, maps: Sequence[Tensor]) -> None:
        """Write the maps ``[C, H, W]`` of every level of one picture."""
        shapes = tuple(tuple(one.shape) for one in maps)
        if shapes != self.card.shapes:
            raise DataError(
                "feature maps of another size than the store's",
                file=self.folder,
                field=self.card.pictures[picture],
                got=shapes,
                expected=self.card.shapes,
                remedy="Show all pictures to the network at one size",
            )
        with replacing(self.path(picture)) as temporary, temporary.open("wb") as file:
            for one in maps:
                one.detach().float().cpu().contiguous().numpy().astype(NUMBERS).tofile(file)

    def level(self, level: int) -> MapRows:
        """Return the maps of one level as rows to be clustered."""
        return MapRows(self, level)

    def _require_same(self, found: object, place: Path) -> None:
        expected = self.card.to_json()
        known = found if isinstance(found, dict) else {}
        for name, value in expected.items():
            if known.get(name) != value:
                raise DataError(
                    "the folder holds feature maps of something else",
                    file=place,
                    field=name,
                    got=_short(known.get(name)),
                    expected=_short(value),
                    remedy="Remove the folder, or name another",
                )


class MapRows:
    """Every map of one level as a row: number = picture * channels + channel."""

    def __init__(self, store: FeatureStore, level: int) -> None:
        self.store = store
        shapes = store.card.shapes
        self.channels, height, width = shapes[level]
        self.length = height * width
        self._offset = sum(math.prod(shape) for shape in shapes[:level])

    def __len__(self) -> int:
        return len(self.store) * self.channels

    def rows(self, numbers: numpy.ndarray) -> Tensor:
        """Return the rows ``[M, H * W]`` with these numbers; only they are read."""
        table = numpy.empty((len(numbers), self.length), NUMBERS)
        pictures, channels = numpy.divmod(numbers, self.channels)
        # Plain reads, not a mapped file: pages of a mapped one would count as memory in use.
        for picture in numpy.unique(pictures):
            with self.store.path(int(picture)).open("rb", buffering=0) as file:
                for row in numpy.flatnonzero(pictures == picture):
                    start = self._offset + int(channels[row]) * self.length
                    file.seek(start * NUMBERS.itemsize)
                    self._fill(file.readinto(table[row].data), int(picture))
        return torch.from_numpy(table)

    def _fill(self, read: int | None, picture: int) -> None:
        if read != self.length * NUMBERS.itemsize:
            raise DataError(
                "a file of feature maps is cut short",
                file=self.store.path(picture),
                remedy="Remove it and run the same command again",
            )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
