"""DeFRCN's published figures: those of its repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from handful.data.splits.names import Family
from handful.methods.few_shot import SHOTS, Setting
from handful.recipes.published import Published, publish

BY = "the authors' repository"
VERIFIED = "network, losses, gradients, training steps, data, schedule, calibration, metrics"

VOC: Mapping[Setting, tuple[tuple[float, ...], ...]] = {
    "fsod": (
        (55.1, 57.4, 61.1, 64.6, 61.5),
        (32.1, 40.5, 47.9, 52.9, 47.5),
        (48.9, 51.9, 52.3, 55.7, 59.0),
    ),
    "gfsod": (
        (43.8, 57.5, 61.4, 65.3, 67.0),
        (31.5, 40.9, 45.6, 50.1, 52.9),
        (38.2, 50.9, 54.1, 59.2, 61.9),
    ),
}
"""nAP50 of splits 1 to 3, for each K."""

COCO: Mapping[Setting, tuple[float, ...]] = {
    "fsod": (9.7, 13.1, 14.5, 15.6, 18.4, 22.6),
    "gfsod": (4.8, 8.5, 10.7, 13.5, 16.7, 21.0),
}
"""nAP for each K."""


def results() -> Iterator[Published]:
    """Yield every published figure of the novel stage."""
    for setting, splits in VOC.items():
        for split, figures in enumerate(splits, start=1):
            yield from _row("voc", {"split": split}, setting, figures)
    for setting, figures in COCO.items():
        yield from _row("coco", {}, setting, figures)


def _row(
    family: Family, choices: Mapping[str, int], setting: Setting, figures: tuple[float, ...]
) -> Iterator[Published]:
    metric = "nAP50" if family == "voc" else "nAP"
    for shots, figure in zip(SHOTS[family], figures, strict=True):
        chosen = {**choices, "stage": "novel", "setting": setting, "shots": shots}
        yield Published(f"defrcn/{family}", chosen, {metric: figure}, BY, VERIFIED)


publish(results())
