"""Prototypical calibration (the paper's section 3.3): a second opinion at test time, untrained.

A classifier trained on ImageNet embeds the examples; each detection's score is averaged with
the cosine between its own embedding and the prototype of its class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from handful.data.dataset import Dataset
from handful.data.images import ImageSource, read_image
from handful.errors import WeightsError
from handful.memory.class_memory import ClassMemory
from handful.memory.embedders import Embedder
from handful.reporter import Reporter, SilentReporter
from handful.structures import Detections


@dataclass(frozen=True)
class Blend:
    """How scores and prototypes mix: equation 5, with the original's constants.

    alpha: weight of the detector's own score. Scores in (lower, upper] are calibrated.
    Ours, and only where ``ExampleNaming`` calibrates: contested: whether all classes that examples
    are remembered of compete for a box, beside the one that the detector took it for. rename:
    whether a box is scored for all of them whatever the detector took it for.
    """

    alpha: float = 0.5
    lower: float = 0.05
    upper: float = 1.0
    contested: bool = False
    rename: bool = False


CHECKED_BY_EXAMPLES = Blend(alpha=0.5, lower=0.01)
"""Half of each score says how like its class a box looks, weak scores included."""


@dataclass(frozen=True)
class PrototypeCalibration:
    """What re-scores the detections of one detector.

    embedder: the network that made ``memory``. memory: one view an example, ``[V, C, 1, 1]``.
    excluded: class names that are left alone, such as base classes.
    """

    embedder: Embedder
    memory: ClassMemory
    blend: Blend = Blend()
    excluded: frozenset[str] = frozenset()
    _prototypes: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_made_by(self.memory, self.embedder)
        object.__setattr__(self, "excluded", frozenset(self.excluded))
        flat = self.memory.prototypes().flatten(1)
        object.__setattr__(self, "_prototypes", flat.to(self.embedder.device()))

    @property
    def exclusive(self) -> bool:
        """No object gets another name than the detector's."""
        return False

    def calibrate(self, detections: Detections, image: ImageSource) -> Detections:
        """Return ``detections`` of ``image`` with new scores; boxes, classes, order stay.

        The rows are then no longer sorted by score. A class without prototype keeps its
        scores. image: the original picture, as it was shown to the detector.
        """
        places = {
            name: place for place, name in enumerate(self.memory.names) if name not in self.excluded
        }
        prototype = torch.tensor(
            [places.get(name, -1) for name in detections.names()],
            dtype=torch.long,
            device=detections.scores.device,
        )
        scores = detections.scores
        chosen = (scores > self.blend.lower) & (scores <= self.blend.upper) & (prototype >= 0)
        if not bool(chosen.any()):
            return detections
        embeddings = self.embedder.embed(read_image(image), detections.boxes[chosen])
        rows = prototype[chosen].to(self._prototypes.device)
        cosines = functional.cosine_similarity(embeddings, self._prototypes[rows], dim=1)
        calibrated = scores.clone()
        alpha = self.blend.alpha
        calibrated[chosen] = alpha * scores[chosen] + (1 - alpha) * cosines.to(scores)
        return replace(detections, scores=calibrated)


def require_made_by(memory: ClassMemory, embedder: Embedder) -> None:
    """Raise ``WeightsError`` unless ``memory`` was made by ``embedder``."""
    if memory.model != embedder.fingerprint():
        raise WeightsError(
            "these examples were embedded by another network",
            got=memory.model or "none",
            expected=embedder.fingerprint(),
            remedy="Make them again from the examples",
        )


def class_prototypes(
    embedder: Embedder, support: Dataset, *, reporter: Reporter | None = None
) -> ClassMemory:
    """Return one view for every box of ``support``, crowds excluded, by class name.

    Pictures are embedded as they were read, at full size. A class without a box is not in it.
    """

    def seen(image: Image.Image, boxes: Tensor) -> Tensor:
        return embedder.embed(image, boxes)[:, None]

    return remembered(support, seen, model=embedder.fingerprint(), reporter=reporter)


def remembered(
    support: Dataset,
    seen: Callable[[Image.Image, Tensor], Tensor],
    *,
    model: str,
    reporter: Reporter | None = None,
) -> ClassMemory:
    """Return what is ``seen`` of every box of ``support``, crowds excluded, by class name.

    seen: from a picture and boxes ``[N, 4]`` in it to V views of each, ``[N, V, D]``. model: the
    fingerprint of the network that sees.
    """
    reporter = reporter or SilentReporter()
    views: dict[str, list[Tensor]] = {}
    reporter.start("examples", len(support))
    try:
        for image, boxes, labels, records in pictures_with_boxes(support):
            shown = seen(image, boxes).cpu()[..., None, None]
            for label, own in zip(labels.tolist(), shown, strict=True):
                views.setdefault(support.class_names[label], []).append(own)
            reporter.advance("examples", records)
    finally:
        reporter.finish("examples")
    # In the order of the set, whatever picture comes first.
    return ClassMemory.empty(model).add_all(
        {name: torch.cat(views[name]) for name in support.class_names if name in views}
    )


def pictures_with_boxes(support: Dataset) -> Iterator[tuple[Image.Image, Tensor, Tensor, int]]:
    """Yield each picture once, with the boxes and labels of all records that name it, and how many.

    Crowds are no examples.
    """
    together: dict[object, list[int]] = {}
    for index, picture in enumerate(support.pictures):
        # Few-shot sets of VOC have one record an object: the same file several times over.
        together.setdefault(picture.path or index, []).append(index)
    for records in together.values():
        targets = [support.targets(index) for index in records]
        targets = [one[~one.crowd] for one in targets]
        boxes = torch.cat([one.boxes for one in targets])
        if len(boxes):
            labels = torch.cat([one.labels for one in targets])
            yield support.pictures[records[0]].read(), boxes, labels, len(records)
