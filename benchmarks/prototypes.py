"""Detectors with and without prototypes, for comparison."""

from __future__ import annotations

from handful.data.dataset import Dataset
from handful.memory.calibration import PrototypeCalibration, class_prototypes
from handful.memory.embedders import LiteEmbedder
from handful.methods.detector import TrainableDetector
from handful.predict.trained import TrainedDetector


def detector_of(
    network: TrainableDetector, support: Dataset, *, calibrate: bool
) -> TrainedDetector:
    """Return ``network`` as a detector; prototypes of ``support`` calibrate its scores, or not."""
    calibration = None
    if calibrate:
        embedder = LiteEmbedder()
        memory = class_prototypes(embedder, support)
        calibration = PrototypeCalibration(embedder, memory, network.config.blend)
    return TrainedDetector(network, calibration=calibration, score=None)
