"""What MPSR's published runs learn from: base sets, K boxes a class, how often each is shown."""

from __future__ import annotations

from dataclasses import dataclass

from handful.data.dataset import Dataset
from handful.data.repetition import Repetition
from handful.data.splits.coco_sets import read_coco_set
from handful.data.splits.mmfewshot_sets import (
    DRAW_SEED,
    SMALLEST_COCO_BOX,
    last_pixels,
    only_plain,
    read_drawn_shots,
    with_small_difficult,
    without_pictures_of,
    worth_training,
)
from handful.data.splits.names import VOC_YEARS
from handful.data.splits.records import keep_classes
from handful.data.splits.voc_sets import read_voc_set
from handful.errors import DataError
from handful.methods.few_shot import FewShotData

BY_YEAR = Repetition(tuple(f"VOC{year}" for year in VOC_YEARS))
"""Pictures of each year are repeated as a group."""


@dataclass(frozen=True)
class MPSRData(FewShotData):
    """Which data a run of MPSR trains and is tested on, as mmfewshot reads them.

    smallest_box: pixels that both sides of a box must have to be learned from; smaller ones are
    background, as difficult ones are. drop_novel: whether base pictures that show a novel object
    are left out, as by the authors, or stay, the object unlabelled. repeat: how small groups of
    pictures are repeated, None for not at all; objects are then repeated as one group.
    draw_seed: of numpy's draw, where a list shows more than K boxes. allow_empty: whether classes
    may have no shot at all, as some published lists leave them.
    """

    smallest_box: float = 0.0
    drop_novel: bool = False
    repeat: Repetition | None = None
    draw_seed: int = DRAW_SEED
    allow_empty: bool = False

    def read_train(self, *, draw_seed: int = 0) -> Dataset:
        """Return what is trained on, a picture once; ``draw_seed`` gives way to the field.

        Raises ``DataError`` for a class without a shot.
        """
        if self.stage == "base":
            return self._base()
        shown = read_drawn_shots(
            self.root,
            self.division,
            family=self.family,
            shots=self.shots or 0,
            seed=self.seed,
            draw_seed=self.draw_seed,
            smallest_box=self.smallest_box,
        )
        if not self.allow_empty:
            require_every_class(shown)
        return shown

    def _base(self) -> Dataset:
        everything, base = self.division.everything, self.division.base
        names, smallest = everything if self.drop_novel else base, self.smallest_box
        if self.family == "voc":
            read = last_pixels(read_voc_set(self.root, names))
        else:
            read = read_coco_set(self.root, names)
            smallest = max(smallest, SMALLEST_COCO_BOX)
        if self.drop_novel:
            read = without_pictures_of(read, self.division.novel)
        own = keep_classes(read, base)
        return only_plain(worth_training(with_small_difficult(own, smallest)))


def require_every_class(dataset: Dataset) -> None:
    """Raise ``DataError`` naming the classes of which ``dataset`` has no box."""
    shown = set(dataset.table.labels.tolist())
    lacking = [name for label, name in enumerate(dataset.class_names) if label not in shown]
    if lacking:
        raise DataError(
            "classes without a single shot",
            file=dataset.name,
            got=", ".join(lacking),
            expected="a box of each that is not difficult, nor smaller than data.smallest_box",
            remedy="Take another seed, or set data.allow_empty=true to train without them",
        )
