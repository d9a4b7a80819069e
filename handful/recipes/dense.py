"""What recipes of one-stage detectors share: their data, and how they are measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class DetectionSets:
    """What is learnt from and tested on: a COCO file and a folder of pictures each."""

    train: Path = Path("annotations") / "instances_train2017.json"
    train_images: Path = Path("train2017")
    test: Path = Path("annotations") / "instances_val2017.json"
    test_images: Path = Path("val2017")

    def under(self, root: Path) -> DetectionSets:
        """Return the same files, below the folder ``root``."""
        return DetectionSets(*(root / place for place in vars(self).values()))


@dataclass(frozen=True)
class DenseEvaluation:
    """How a run is measured.

    rules: "coco", "mmdet" with its numbers of detections, or "crowdhuman". metric: the figure that
    says which weights are best. score_threshold: of what is measured.
    """

    rules: Literal["coco", "mmdet", "crowdhuman"] = "coco"
    metric: str = "AP"
    score_threshold: float = 0.001
