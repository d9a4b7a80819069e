"""The few frozen types that travel between rooms."""

from handful.structures.batch import Batch
from handful.structures.crops import ObjectCrops
from handful.structures.detections import Detections
from handful.structures.exemplar import Exemplar
from handful.structures.targets import Targets

__all__ = ["Batch", "Detections", "Exemplar", "ObjectCrops", "Targets"]
