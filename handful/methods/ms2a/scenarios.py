"""The published scenarios of MS2A, and their stages: two tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Stage = Literal["base", "memory", "source", "target"]
STREET_CLASSES = ("person", "car", "rider", "bicycle", "truck", "motorcycle", "train", "bus")
FEW_SOURCE = 64
"""Labelled source pictures that the last stage goes on with."""


@dataclass(frozen=True)
class PictureSet:
    """A COCO file and the folder of its pictures."""

    file: Path
    images: Path


@dataclass(frozen=True)
class DomainSets:
    """What the four stages learn from and are tested on.

    target: pictures whose boxes are not used, for the memory. target_few: the labelled ones.
    source_few: of the source, for the last stage.
    """

    source: PictureSet
    source_few: PictureSet
    source_test: PictureSet
    target: PictureSet
    target_few: PictureSet
    target_test: PictureSet


@dataclass(frozen=True)
class Scenario:
    """From which set to which. pictures: of the source. few: labelled ones of the target.

    test: where the source's are tested on. year: of the folders' names.
    """

    source: str
    target: str
    class_names: tuple[str, ...]
    pictures: int
    few: int
    clusters: int = 100
    year: int = 2014

    def sets(self, root: Path) -> DomainSets:
        """Return the files below ``root``, by the authors' names of folders."""

        def of(name: str, part: str, few: int | None = None) -> PictureSet:
            ending = "" if few is None else f"_{few}"
            place = root / name
            file = place / "annotations" / f"instances_{part}{self.year}{ending}.json"
            return PictureSet(file, place / f"{part}{self.year}")

        return DomainSets(
            source=of(self.source, "train"),
            source_few=of(self.source, "train", FEW_SOURCE),
            source_test=of(self.source, "val"),
            target=of(self.target, "train"),
            target_few=of(self.target, "train", self.few),
            target_test=of(self.target, "val"),
        )


SCENARIOS: Mapping[str, Scenario] = {
    "cityscapes-foggy": Scenario(
        "cityscapes", "foggy_cityscapes", STREET_CLASSES, 2975, few=8, clusters=80
    ),
    "kitti-cityscapes": Scenario("kitti", "cityscapes", ("car",), 7481, few=8),
    "sim10k-cityscapes": Scenario("sim10k", "cityscapes", ("car",), 10_000, few=8),
    "indus-s-t1": Scenario("Indus_S", "Indus_T1", ("part",), 4614, few=10, year=2017),
    "indus-s-t2": Scenario("Indus_S", "Indus_T2", ("part",), 4614, few=10, year=2017),
}


@dataclass(frozen=True)
class StageRow:
    """One stage of one scenario, as published.

    epochs, last: of training, and at the lowest rate, which is ``floor`` times ``lr``. backbone:
    factor on it and on the neck, None where they have no rule of their own. memory: factor on
    learnt offsets. warmup: epochs that rise to ``peak`` times ``lr``. batch: pictures of a GPU;
    total: of all GPUs. scales: of training, in cells of 32 pixels. repeats: of source and target
    pictures in an epoch. occlusion: of copy-paste. soft: the suppression. metric: that selects.
    """

    epochs: int
    last: int
    lr: float
    backbone: float | None
    memory: float
    floor: float
    batch: int
    total: int
    scales: tuple[int, int]
    repeats: tuple[int, int] = (1, 0)
    warmup: int = 3
    peak: float = 1.0
    occlusion: tuple[float, int] = (10.0, 300)
    soft: bool = True
    metric: str = "bbox_mAP"


SMALL, LARGE = (15, 25), (36, 44)


def _base(floor: float) -> StageRow:
    return StageRow(70, 10, 1e-3, None, 1.0, floor, 1, 2, LARGE, soft=False)


_INDUS_SOURCE = StageRow(50, 5, 1e-3, None, 1.0, 0.01, 1, 2, LARGE, (1, 10))
_CAR_SOURCE = StageRow(50, 5, 2e-3, None, 1.0, 0.01, 2, 4, SMALL, (1, 10))
_CAR_OCCLUSION = (15.0, 350)

ROWS: Mapping[tuple[str, Stage], StageRow] = {
    ("cityscapes-foggy", "base"): _base(0.001),
    ("kitti-cityscapes", "base"): _base(0.001),
    ("sim10k-cityscapes", "base"): _base(0.001),
    ("indus-s-t1", "base"): _base(0.01),
    ("indus-s-t2", "base"): _base(0.01),
    ("cityscapes-foggy", "source"): StageRow(
        50, 10, 1e-3, None, 0.2, 0.001, 2, 4, SMALL, (1, 8), soft=False
    ),
    ("kitti-cityscapes", "source"): _CAR_SOURCE,
    ("sim10k-cityscapes", "source"): _CAR_SOURCE,
    ("indus-s-t1", "source"): _INDUS_SOURCE,
    ("indus-s-t2", "source"): _INDUS_SOURCE,
    ("cityscapes-foggy", "target"): StageRow(
        20, 5, 1e-4, 0.3, 1.0, 0.01, 4, 8, SMALL, (1, 10), peak=0.1
    ),
    ("kitti-cityscapes", "target"): StageRow(
        20,
        5,
        3e-4,
        0.8,
        0.2,
        0.01,
        8,
        8,
        SMALL,
        (1, 10),
        warmup=1,
        occlusion=_CAR_OCCLUSION,
        metric="bbox_mAP_50",
    ),
    ("sim10k-cityscapes", "target"): StageRow(
        20,
        5,
        3e-4,
        1.0,
        0.4,
        0.01,
        4,
        8,
        SMALL,
        (1, 15),
        warmup=1,
        occlusion=_CAR_OCCLUSION,
        metric="bbox_mAP_50",
    ),
    ("indus-s-t1", "target"): StageRow(20, 5, 2e-4, 0.4, 0.2, 0.01, 2, 4, SMALL, (1, 8)),
    ("indus-s-t2", "target"): StageRow(20, 5, 1e-4, 0.1, 1.0, 0.01, 2, 2, SMALL, (1, 6)),
}
"""The stage memory learns nothing; it has what the stage source has."""
