"""Looking at a data set in a browser."""

from __future__ import annotations

import random
from pathlib import Path

from handful.data.dataset import Dataset
from handful.data.describe import describe
from handful.data.formats import detect_format, read_dataset
from handful.data.splits.records import require_classes
from handful.errors import ConfigError
from handful.files import require_writable
from handful.report.dataset_page import write_dataset_page

PICTURES = 24


def data_browse(
    source: Path | str,
    out: Path | str = Path("out") / "browse.html",
    *,
    pictures: int = PICTURES,
    classes: tuple[str, ...] = (),
    seed: int = 0,
    format: str | None = None,
    images: Path | str | None = None,
) -> Path:
    """Write a page of the data set at ``source``: class counts, box sizes, drawn pictures.

    pictures: how many are shown, drawn by ``seed``. classes: only pictures that show one of
    these. Returns the path. Raises ``DataError`` for a set that cannot be read or a class that
    it lacks, ``ConfigError`` for numbers that make no sense; then nothing is written.
    """
    if pictures < 0:
        raise ConfigError("no such number", field="pictures", got=pictures, expected="0 or more")
    require_writable(Path(out))
    name = format or detect_format(source)
    dataset = read_dataset(source, format=name, images=images, require_pictures=False)
    candidates = _showing(dataset, classes)
    shown = sorted(random.Random(seed).sample(candidates, min(pictures, len(candidates))))
    facts = describe(dataset, path=str(source), format=name)
    return write_dataset_page(out, dataset, facts, shown=shown)


def _showing(dataset: Dataset, classes: tuple[str, ...]) -> list[int]:
    """Return the positions of pictures that show one of ``classes``; of all if none are named."""
    if not classes:
        return list(range(len(dataset)))
    require_classes(dataset, classes)
    labels = {dataset.class_names.index(name) for name in classes}
    rows = zip(dataset.table.picture.tolist(), dataset.table.labels.tolist(), strict=True)
    return sorted({picture for picture, label in rows if label in labels})
