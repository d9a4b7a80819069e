"""A trained detector and what calibrates it: a picture in, detections out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch

from handful.boxes.nms import nms
from handful.data.images import ImageSource, read_image
from handful.data.loader import prepared
from handful.memory.naming import SAME_OBJECT
from handful.methods.detector import TrainableDetector
from handful.structures import Detections

SMALLEST_PICTURE = 8
"""A picture with a shorter side than this, in pixels, shows nothing that could be found."""

DEFAULT_SCORE = 0.3
"""What a detection must exceed where the model does not suggest a score of its own."""


class Calibration(Protocol):
    """What gives the detections on a picture other scores."""

    @property
    def exclusive(self) -> bool:
        """Whether an object gets several names, of which only the best one is to be shown."""
        ...

    def calibrate(self, detections: Detections, image: ImageSource) -> Detections:
        """Return ``detections`` with new scores, and with other classes where it names objects."""
        ...


class TrainedDetector:
    """A network that knows its classes; it is put into evaluation mode.

    calibration: re-scores what was found, or None. score: detections must exceed it (None: the
    network's own threshold, as average precision needs it). suggested: better scores by class.
    """

    def __init__(
        self,
        model: TrainableDetector,
        *,
        calibration: Calibration | None = None,
        score: float | None = DEFAULT_SCORE,
        suggested: Mapping[str, float] | None = None,
    ) -> None:
        self.model: TrainableDetector = model.eval()
        self.calibration = calibration
        self.score = score
        self.suggested = dict(suggested or {})
        self.resize = model.test_resize()
        self.rule = model.input_rule()

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes the network knows; position = label."""
        return self.model.config.class_names

    def detect(self, image: ImageSource, *, score: float | None = None) -> Detections:
        """Return what is on ``image``, by falling score, each object by its best name.

        score: detections must exceed it, whatever is suggested. Raises ``DataError`` if the
        picture cannot be read.
        """
        found = self.detect_all(image)
        if self.calibration is not None and self.calibration.exclusive:
            found = found[nms(found.boxes, found.scores, iou=SAME_OBJECT)]
        if score is not None:
            return found.above(score)
        if self.suggested:
            limits = [self.suggested.get(name, self.score or 0.0) for name in found.names()]
            return found[found.scores > torch.tensor(limits).to(found.scores)]
        return found if self.score is None else found.above(self.score)

    def detect_all(self, image: ImageSource) -> Detections:
        """Return everything above the network's own threshold, calibrated, by falling score."""
        picture = read_image(image)
        size = (picture.height, picture.width)
        if min(size) < SMALLEST_PICTURE:
            return Detections.empty(size, self.class_names)
        device = next(self.model.parameters()).device
        batch = prepared(picture, self.resize, self.rule).to(device)
        with torch.inference_mode():
            outputs = self.model(batch.images, batch.sizes)
            found = self.model.predict(outputs, batch.sizes, originals=batch.originals)[0]
            if self.calibration is not None:
                found = self.calibration.calibrate(found, picture)
        return found.to("cpu").sorted()
