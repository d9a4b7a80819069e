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
from handful.nn.masks import MASK_STRIDE

CHANCE_STEPS = 255
"""Of a chance from 0 to 1 in a file, so that a cell takes one byte, and most cells the same."""


class RawPicture(NamedTuple):
    """Detections of one picture by falling score.

    boxes: ``[N, 4]`` in pixels of the prepared picture. scores, labels: ``[N]``. seconds: that
    the graph took for it. masks: ``[N, h, w]``, 0 to 1, of every fourth pixel of the padded
    picture, or None.
    """

    boxes: NDArray[Any]
    scores: NDArray[Any]
    labels: NDArray[Any]
    seconds: float
    masks: NDArray[Any] | None = None


def write_raw(file: Path, raw: RawPicture) -> None:
    """Write ``raw``, all or nothing; masks in steps of ``CHANCE_STEPS``, packed."""
    columns = {
        "boxes": raw.boxes,
        "scores": raw.scores,
        "labels": raw.labels,
        "seconds": numpy.float64(raw.seconds),
    }
    with replacing(file) as temporary:
        if raw.masks is None:
            numpy.savez(temporary, **columns)
        else:
            steps = numpy.rint(raw.masks * CHANCE_STEPS).astype(numpy.uint8)
            numpy.savez_compressed(temporary, **columns, masks=steps)


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
                masks=stored["masks"] if card.masks else None,
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
    if raw.masks is None:
        return raw
    return raw._replace(masks=_chances(raw.masks, count, picture.size, file=file))


def _chances(
    steps: NDArray[Any], count: int, size: tuple[int, int], *, file: Path
) -> NDArray[numpy.float32]:
    """Return stored masks as chances; there must be one a detection, as large as the picture."""
    covered = [MASK_STRIDE * side for side in steps.shape[1:]]
    fitting = len(covered) == 2 and covered[0] >= size[0] and covered[1] >= size[1]
    if not fitting or len(steps) != count or steps.dtype != numpy.uint8:
        raise _odd(file, f"masks {steps.dtype} {list(steps.shape)} of {count} detections")
    return numpy.divide(steps, CHANCE_STEPS, dtype=numpy.float32)


def _odd(file: Path, got: str) -> DataError:
    return DataError(
        "the raw output of a picture cannot be used",
        file=file,
        got=got,
        remedy="Remove it and run 'handful export-run infer' again",
    )
