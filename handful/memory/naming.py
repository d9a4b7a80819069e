"""Naming what a detector finds by the examples: a second opinion that costs no training."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from handful.boxes.nms import grouped_nms
from handful.data.dataset import Dataset
from handful.data.images import ImageSource, read_image
from handful.memory.calibration import Blend, remembered, require_made_by
from handful.memory.class_memory import ClassMemory
from handful.memory.embedders import PartsEmbedder
from handful.memory.regression import ClassRegression, likeness
from handful.reporter import Reporter
from handful.structures import Detections

SAME_OBJECT = 0.6
"""Overlap of two boxes above which they show the same, once both may be of any class."""

ANYTHING = ""
"""Stands among the remembered classes for the mean of all proposals, whatever they show."""


@dataclass(frozen=True)
class ExampleNaming:
    """What re-scores, or names anew, the detections of one detector.

    embedder: the network that made ``memory``. memory: views of the examples, ``[V, D, 1, 1]``,
    and of ``ANYTHING``. blend: ``alpha`` weighs the detector's own score.
    A trained detector has found an object; how likely it is what it was taken for, ridge
    regression says. With ``blend.contested`` every class competes for the box: the mean with the
    detector's score is then geometric, so that both have to agree that something is there. With
    ``blend.rename`` a box may show anything: it is scored for every class, by its likeness to
    the mean example. Classes that the memory does not know are left alone.
    """

    embedder: PartsEmbedder
    memory: ClassMemory
    blend: Blend = Blend()
    names: tuple[str, ...] = field(init=False, compare=False)
    _regression: ClassRegression = field(init=False, repr=False, compare=False)
    _means: Tensor = field(init=False, repr=False, compare=False)
    _center: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require_made_by(self.memory, self.embedder)
        device = self.embedder.device()
        names = tuple(name for name in self.memory.names if name != ANYTHING)
        places = torch.tensor([names.index(n) if n in names else -1 for n in self.memory.names])
        labels = places[self.memory.owner.cpu()]
        examples = labels >= 0
        regression = ClassRegression.fit(
            self.memory.features.flatten(1)[examples.to(self.memory.features.device)].to(device),
            labels[examples].to(device),
            class_count=len(names),
            parts=self.embedder.parts,
        )
        means = dict(
            zip(
                self.memory.names,
                self.memory.prototypes().flatten(1).to(device),
                strict=True,
            )
        )
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "_regression", regression)
        object.__setattr__(self, "_means", torch.stack([means[name] for name in names]))
        object.__setattr__(self, "_center", means.get(ANYTHING, regression.center))

    @property
    def exclusive(self) -> bool:
        """Whether an object gets several names, of which only the best one is to be shown."""
        return self.blend.contested or self.blend.rename

    def calibrate(self, detections: Detections, image: ImageSource) -> Detections:
        """Return ``detections`` of ``image`` with new scores, no longer sorted by them.

        With ``blend.rename``, there are as many for each box as classes are remembered; with
        ``blend.contested``, those of them that score above ``blend.lower`` and are not found twice.
        """
        known = {name: place for place, name in enumerate(self.names)}
        places = torch.tensor([known.get(name, -1) for name in detections.class_names])
        if self.blend.rename:
            return self._renamed(detections, image, places)
        column = places.to(detections.labels)[detections.labels]
        scores, blend = detections.scores, self.blend
        chosen = (scores > blend.lower) & (scores <= blend.upper) & (column >= 0)
        if not bool(chosen.any()):
            return detections
        likely = self.likelihoods(image, detections.boxes[chosen])
        if blend.contested:
            return self._contested(detections, chosen, likely, places)
        likely = likely.gather(1, column[chosen, None].to(likely.device))[:, 0].to(scores)
        calibrated = scores.clone()
        calibrated[chosen] = blend.alpha * scores[chosen] + (1 - blend.alpha) * likely
        return replace(detections, scores=calibrated)

    def likelihoods(self, image: ImageSource, boxes: Tensor) -> Tensor:
        """Return ``[N, K]``, how likely each of ``boxes`` ``[N, 4]`` is of each known class."""
        return self._regression(self.embedder.embed(read_image(image), boxes))

    def likeness(self, image: ImageSource, boxes: Tensor) -> Tensor:
        """Return ``[N, K]``, how like the examples of a class ``boxes`` ``[N, 4]`` look, 0 to 1."""
        return self._like(self.embedder.embed(read_image(image), boxes))

    def _like(self, embeddings: Tensor) -> Tensor:
        seen = embeddings.to(self.embedder.device())
        cosines = likeness(seen, self._means, self._center, parts=self.embedder.parts)
        return cosines.clamp(min=0.0)

    def example_likeness(self) -> dict[str, list[float]]:
        """Return by class how like the mean example each view of an example looks, 0 to 1."""
        like = self._like(self.memory.features.flatten(1)).cpu()
        scores: dict[str, list[float]] = {name: [] for name in self.names}
        for row, owner in zip(like, self.memory.owner.tolist(), strict=True):
            name = self.memory.names[owner]
            if name in scores:
                scores[name].append(float(row[self.names.index(name)]))
        return scores

    def _contested(
        self, found: Detections, chosen: Tensor, likely: Tensor, places: Tensor
    ) -> Detections:
        labels = (places >= 0).nonzero().flatten().to(found.labels)
        likely = likely[:, places[places >= 0].to(likely.device)].to(found.scores)
        alpha = self.blend.alpha
        scores = found.scores[chosen, None] ** alpha * likely ** (1 - alpha)
        # Only classes that have a chance take part: rows do not grow with what is remembered.
        pairs, columns = (scores > self.blend.lower).nonzero().unbind(1)
        scores, named = scores[pairs, columns], labels[columns]
        rows = chosen.nonzero().flatten()[pairs]
        others = (~chosen).nonzero().flatten()
        low, high = found.boxes.min(), found.boxes.max()
        boxes = found.boxes[rows] - low
        kept = grouped_nms(boxes, scores, named, iou=SAME_OBJECT, extent=high - low)
        return replace(
            found[torch.cat([others, rows[kept]])],
            scores=torch.cat([found.scores[others], scores[kept]]),
            labels=torch.cat([found.labels[others], named[kept]]),
        )

    def _renamed(self, found: Detections, image: ImageSource, places: Tensor) -> Detections:
        if not len(found):
            return found
        labels = (places >= 0).nonzero().flatten().to(found.labels)
        likely = self.likeness(image, found.boxes)[:, places[places >= 0]].to(found.scores)
        alpha = self.blend.alpha
        scores = alpha * found.scores[:, None] + (1 - alpha) * likely
        return replace(
            found,
            boxes=found.boxes.repeat_interleave(len(labels), 0),
            scores=scores.flatten(),
            labels=labels.repeat(len(found)),
        )


def example_memory(
    embedder: PartsEmbedder, support: Dataset, *, reporter: Reporter | None = None
) -> ClassMemory:
    """Return four views of every box of ``support``, crowds excluded, by class."""
    model = embedder.fingerprint()
    return remembered(support, embedder.embed_turned, model=model, reporter=reporter)
