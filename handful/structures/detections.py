"""What a detector says about one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from handful.errors import DataError
from handful.masks import RunLengths
from handful.masks.segmentation import written
from handful.structures.columns import Columns


@dataclass(frozen=True)
class Detections(Columns):
    """Detected objects of one picture, one row each.

    boxes: ``[N, 4]`` float, xyxy in pixels of the original picture.
    scores: ``[N]`` float; the scale is the method's (OS2D: mean cosine in [-1, 1]).
    labels: ``[N]`` int64, 0-based, positions in ``class_names``.
    image_size: (height, width) of the original picture.
    masks: ``[N, H, W]`` bool, pixels of the original picture; None if only boxes were looked for.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    image_size: tuple[int, int]
    class_names: tuple[str, ...] = ()
    masks: Tensor | None = None

    def __post_init__(self) -> None:
        if self.boxes.ndim != 2 or self.boxes.shape[1] != 4:
            raise DataError(
                "boxes of Detections have the wrong shape",
                got=list(self.boxes.shape),
                expected="[N, 4]",
            )
        self._require_equal_lengths()
        self._require_masks_of(self.image_size)

    @classmethod
    def empty(cls, image_size: tuple[int, int], class_names: tuple[str, ...] = ()) -> Detections:
        """Return the answer 'nothing found'."""
        return cls(
            boxes=torch.zeros(0, 4),
            scores=torch.zeros(0),
            labels=torch.zeros(0, dtype=torch.long),
            image_size=image_size,
            class_names=class_names,
        )

    def names(self) -> list[str]:
        """Return the class name of every row (the number as text where there is no name)."""
        return [
            self.class_names[label] if label < len(self.class_names) else str(label)
            for label in self.labels.tolist()
        ]

    def above(self, score: float) -> Self:
        """Return the rows whose score exceeds ``score``."""
        return self[self.scores > score]

    def sorted(self) -> Self:
        """Return the rows by falling score; equal scores keep their order."""
        return self[torch.argsort(self.scores, descending=True, stable=True)]

    def mask_runs(self) -> tuple[RunLengths, ...] | None:
        """Return the masks as run lengths, which take little memory; None if there are none."""
        if self.masks is None:
            return None
        return tuple(RunLengths.of(mask) for mask in self.masks.cpu().numpy())

    def with_masks(self, runs: Sequence[RunLengths] | None) -> Self:
        """Return the same rows with the masks that ``runs`` say, or without any."""
        if runs is None:
            return replace(self, masks=None)
        masks = torch.zeros((len(runs), *self.image_size), dtype=torch.bool)
        for mask, one in zip(masks, runs, strict=True):
            mask.copy_(torch.from_numpy(one.mask()))
        return replace(self, masks=masks.to(self.boxes.device))

    def to_json(self) -> dict[str, Any]:
        """Return plain Python values, ready for ``json.dumps``; masks as COCO's run lengths."""
        height, width = self.image_size
        columns = zip(self.names(), self.scores.tolist(), self.boxes.tolist(), strict=True)
        rows: list[dict[str, Any]] = [
            {"name": name, "score": round(score, 6), "box": [round(v, 2) for v in box]}
            for name, score, box in columns
        ]
        for row, runs in zip(rows, self.mask_runs() or (), strict=False):
            row["mask"] = written(runs)
        return {"image_size": {"height": height, "width": width}, "detections": rows}

    def to_supervision(self) -> Any:
        """Return ``supervision.Detections`` (needs the extra ``viz``)."""
        import numpy
        import supervision  # type: ignore[import-not-found]

        return supervision.Detections(
            xyxy=self.boxes.cpu().numpy().astype(numpy.float32),
            confidence=self.scores.cpu().numpy(),
            class_id=self.labels.cpu().numpy(),
            mask=None if self.masks is None else self.masks.cpu().numpy(),
            data={"class_name": numpy.array(self.names(), dtype=object)},
        )
