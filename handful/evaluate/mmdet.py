"""COCO figures as MMDetection 2.x prints them: most of them with more detections than usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handful.evaluate.coco import coco_evaluation

LIMITS = (100, 300, 1000)
"""Detections of a class on a picture; the first is for the mean AP alone."""

DECIMALS = 3
NOTHING_TO_FIND = -1.0
NAMES = {"50": "AP50", "75": "AP75", "s": "APs", "m": "APm", "l": "APl"}


def mmdet_figures(
    ground_truth: Mapping[str, Any] | Path | str,
    results: Sequence[Mapping[str, Any]] | Path | str,
    *,
    masks: bool = False,
) -> dict[str, float]:
    """Return "bbox_mAP", "bbox_mAP_50" and so on, fractions of three decimals.

    With ``masks`` also "segm_mAP" and so on, by which masks are compared.

    The mean counts 100 detections of a class on a picture, all others 1000, because the
    original leaves that number out where it takes the mean. -1 where nothing was to be found.
    Raises ``DataError`` for fields that are missing or refer to nothing.
    """
    found: dict[str, float | None] = {}
    for kind in ("bbox", "segm") if masks else ("bbox",):
        usual, many = (
            coco_evaluation(ground_truth, results, masks=kind == "segm", limits=limits).figures()
            for limits in (LIMITS[:1], LIMITS)
        )
        found[f"{kind}_mAP"] = usual["AP"]
        found |= {f"{kind}_mAP_{name}": many[ours] for name, ours in NAMES.items()}
    return {
        name: NOTHING_TO_FIND if value is None else round(value, DECIMALS)
        for name, value in found.items()
    }
