"""Bringing detections into the class numbering of the data set they are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from handful.errors import DataError, suggest
from handful.structures import Detections


def relabel(
    detections: Detections, class_names: Sequence[str], *, drop_unknown: bool = False
) -> Detections:
    """Return ``detections`` with labels counted in ``class_names``, matched by name.

    Detections without names are taken to count in ``class_names`` already. Classes that
    ``class_names`` lacks raise ``DataError``, or lose their rows with ``drop_unknown``.
    """
    names = tuple(class_names)
    if not detections.class_names or detections.class_names == names:
        return replace(detections, class_names=names)
    position = {name: index for index, name in enumerate(names)}
    wanted = [position.get(name, -1) for name in detections.class_names]
    labels = torch.tensor(wanted, device=detections.labels.device)[detections.labels]
    if bool((labels < 0).any()) and not drop_unknown:
        name = detections.class_names[int(detections.labels[labels < 0][0])]
        raise DataError(
            "a detected class is not in the data set", got=f"'{name}'", remedy=suggest(name, names)
        )
    return replace(detections, labels=labels, class_names=names)[labels >= 0]
