"""The pictures of a data set as partners of others: what mosaic, MixUp and copy-paste draw."""

from __future__ import annotations

from dataclasses import replace

from handful.data.dataset import Dataset
from handful.data.loader import has_usable_boxes
from handful.data.reading import SampleReader
from handful.data.transforms import Sample, usable_targets
from handful.errors import DataError


class PicturePool:
    """Pictures of ``dataset`` with the boxes that can be learnt from, read when asked for.

    keep_empty: whether pictures without such boxes take part. It can be sent to other processes.
    Raises ``DataError`` if no picture is left.
    """

    def __init__(self, dataset: Dataset, *, keep_empty: bool = False) -> None:
        positions = range(len(dataset.pictures))
        usable = has_usable_boxes(dataset).tolist()
        self.positions = [at for at in positions if keep_empty or usable[at]]
        if not self.positions:
            raise DataError(
                "no picture to combine with others",
                file=dataset.name,
                got=f"{len(dataset.pictures)} pictures without a usable box",
                expected="at least one picture with a box",
            )
        self._reader = SampleReader(dataset)

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: int) -> Sample:
        """Return picture ``index`` of the pool; raises ``DataError`` naming its file."""
        sample = self._reader.read(self.positions[index])
        return replace(sample, targets=usable_targets(sample.targets))
