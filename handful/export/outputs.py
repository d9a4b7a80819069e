"""What a graph gave for one picture, as a file."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray

from handful.errors import DataError
from handful.export.card import GraphCard
from handful.export.manifest import PreparedPicture
from handful.files import replacing


class RawPicture(NamedTuple):
    """Detections of one picture by falling score.

    boxes: ``[N, 4]`` in pixels of the prepared picture. scores, labels: ``[N]``. seconds: that
    the graph took for it.
    """

    boxes: NDArray[Any]
    scores: NDArray[Any]
    labels: NDArray[Any]
    seconds: float


def write_raw(file: Path, raw: RawPicture) -> None:
    """Write ``raw``, all or nothing."""
    with replacing(file) as temporary:
        numpy.savez(
            temporary,
            boxes=raw.boxes,
            scores=raw.scores,
            labels=raw.labels,
            seconds=numpy.float64(raw.seconds),
        )


def read_raw(folder: Path, picture: PreparedPicture, card: GraphCard) -> RawPicture:
    """Return what ``write_raw`` wrote for ``picture``.

    Raises ``DataError`` if the file is missing, damaged, or holds what the graph of ``card``
    cannot have given.
    """
    file = folder / picture.file
    try:
        with numpy.load(file, allow_pickle=False) as stored:
            raw = RawPicture(
                *(stored[name] for name in ("boxes", "scores", "labels")),
                seconds=float(stored["seconds"]),
            )
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise _odd(file, str(error)) from error
    count = len(raw.scores) if raw.scores.ndim == 1 else -1
    shapes = [list(column.shape) for column in raw[:3]]
    if shapes != [[count, 4], [count], [count]]:
        raise _odd(file, f"arrays of shapes {shapes}")
    if raw.labels.dtype.kind not in "iu" or any(one.dtype.kind != "f" for one in raw[:2]):
        raise _odd(file, "arrays of types " + ", ".join(str(one.dtype) for one in raw[:3]))
    if not all(numpy.isfinite(one).all() for one in raw[:2]):
        raise _odd(file, "numbers that are not finite")
    if count and not 0 <= raw.labels.min() <= raw.labels.max() < len(card.class_names):
        raise _odd(file, f"labels up to {raw.labels.max()} of {len(card.class_names)} classes")
    return raw


def _odd(file: Path, got: str) -> DataError:
    return DataError(
        "the raw output of a picture cannot be used",
        file=file,
        got=got,
        remedy="Remove it and run 'handful export-run infer' again",
    )
