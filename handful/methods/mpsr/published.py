"""MPSR's published figures: mmfewshot's, which the recipes are after."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from handful.data.splits.names import VOC_SHOTS
from handful.methods.mpsr.recipes import SHOTS
from handful.recipes.published import Published, publish

OWN, STARRED = "mmfewshot", "mmfewshot, from the authors' base"
VERIFIED = "network, losses, gradients, one training step, data, schedule, metrics"

VOC_BASE: Mapping[str, tuple[float, float, float]] = {
    "mmfewshot": (80.5, 81.3, 81.8),
    "authors": (77.8, 78.3, 77.8),
}
"""bAP50 of splits 1 to 3, by whose base."""

VOC_NOVEL: Mapping[int, tuple[tuple[float, float], ...]] = {
    1: ((60.6, 38.5), (61.0, 25.8), (57.9, 34.6)),
    2: ((65.9, 45.9), (66.9, 29.0), (65.7, 41.0)),
    3: ((68.1, 49.2), (67.6, 40.6), (69.1, 44.1)),
    5: ((69.2, 55.8), (70.4, 41.5), (70.4, 48.5)),
    10: ((71.2, 58.7), (71.7, 47.1), (72.5, 51.7)),
}
"""K -> bAP50 and nAP50 of splits 1 to 3, all from the authors' converted base."""

COCO_BASE = 34.6
COCO_NOVEL: Mapping[int, tuple[float, float]] = {10: (23.2, 12.6), 30: (25.2, 18.1)}
"""K -> bAP and nAP."""


def results() -> Iterator[Published]:
    """Yield every published figure of the 21 settings, and of the three converted bases."""
    for naming, figures in VOC_BASE.items():
        by = OWN if naming == OWN else "the authors' weights, measured by mmfewshot"
        for split, figure in enumerate(figures, start=1):
            choices = {"split": split, "stage": "base", "starting_point": naming}
            yield Published("mpsr/voc", choices, {"bAP50": figure}, by, VERIFIED)
    for shots in VOC_SHOTS:
        for split, (base, novel) in enumerate(VOC_NOVEL[shots], start=1):
            choices = {"split": split, "stage": "novel", "shots": shots}
            figures = {"bAP50": base, "nAP50": novel}
            yield Published("mpsr/voc", choices, figures, STARRED, VERIFIED)
    yield Published("mpsr/coco", {"stage": "base"}, {"bAP": COCO_BASE}, OWN, VERIFIED)
    for shots in SHOTS["coco"]:
        base, novel = COCO_NOVEL[shots]
        choices = {"stage": "novel", "shots": shots}
        yield Published("mpsr/coco", choices, {"bAP": base, "nAP": novel}, OWN, VERIFIED)


publish(results())
