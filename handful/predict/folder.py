"""Many pictures, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from handful.data.images import find_images, image_size, read_image
from handful.predict.oneshot import OneShotDetector
from handful.predict.trained import TrainedDetector
from handful.reporter import Reporter, SilentReporter, track
from handful.structures import Detections


def pictures_of(place: Path | str) -> list[Path]:
    """Return the picture ``place``, or all pictures in the folder ``place`` and below.

    A single one is read whole and of many the headers, so that damaged files are found before
    any work is done. Raises ``DataError`` naming the file that is no picture.
    """
    path = Path(place)
    if not path.is_dir():
        read_image(path)
        return [path]
    found = find_images(path)
    for picture in found:
        image_size(picture)
    return found


def detect_files(
    detector: OneShotDetector | TrainedDetector,
    files: Sequence[Path],
    *,
    score: float | None = None,
    reporter: Reporter | None = None,
) -> Iterator[tuple[Path, Detections]]:
    """Yield each file with what was found on it, in order; one picture is held at a time."""
    for file in track(files, reporter or SilentReporter(), "searching", len(files)):
        yield file, detector.detect(file, score=score)
