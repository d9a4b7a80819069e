"""Figures of all, of the base and of the novel classes, named as the field names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

Figures = dict[str, float | None]
Measure = Callable[[Sequence[int]], Mapping[str, float | None]]
"""From positions of classes to their figures."""

Part = Literal["all", "base", "novel"]
PREFIXES = {"base": "b", "novel": "n"}

PERCENT = 100.0
NOTHING_TO_FIND, NOTHING_FOUND = -100.0, -1.0
"""What the original prints for classes without objects, and where no detections are at all."""

PUBLISHED = ("AP", "AP50", "AP75", "APs", "APm", "APl")


def strata(
    measure: Measure,
    class_names: Sequence[str],
    *,
    base: Sequence[str] = (),
    novel: Sequence[str] = (),
) -> Figures:
    """Return the figures of all classes, of the base ones as bAP, …, of the novel as nAP, ….

    A side of which no class is in ``class_names`` is left out.
    """
    figures: Figures = dict(measure(range(len(class_names))))
    for part, names in (("base", base), ("novel", novel)):
        wanted = set(names)
        labels = [label for label, name in enumerate(class_names) if name in wanted]
        if labels:
            own = measure(labels)
            figures |= {PREFIXES[part] + name: value for name, value in own.items()}
    return figures


def published_coco(
    figures: Mapping[str, float | None], part: Part, *, found: int
) -> dict[str, float]:
    """Return ``figures`` of ``strata`` as DeFRCN reports them for a test set of a part.

    In percent, -100 where nothing is to be found, -1 everywhere if there are no detections
    (``found``). Test sets of one part have its figures, and its AP again without prefix.
    """
    prefixes = ("", *PREFIXES.values()) if part == "all" else (PREFIXES[part],)
    names = [prefix + name for prefix in prefixes for name in PUBLISHED]
    result = {name: _published(figures[name], found) for name in names}
    if part != "all":
        result["AP"] = result[PREFIXES[part] + "AP"]
    return result


def _published(value: float | None, found: int) -> float:
    if not found:
        return NOTHING_FOUND
    return NOTHING_TO_FIND if value is None else PERCENT * value
