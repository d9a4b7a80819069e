"""What lies unlabelled in the pictures of a support set, and may be what is learnt.

Of a few-shot set only the K chosen boxes are labelled; the same pictures often show more of the
same objects. Taken for background they unteach what the boxes teach.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from handful.boxes import box_iou
from handful.data.dataset import BoxTable, Dataset
from handful.memory.class_memory import ClassMemory
from handful.memory.embedders import PartsEmbedder
from handful.memory.naming import ANYTHING
from handful.memory.regression import likeness
from handful.reporter import Reporter, SilentReporter

Propose = Callable[[Image.Image], Tensor]
"""A picture in, boxes ``[P, 4]`` of anything that may be an object out."""

MOST_PROPOSALS = 200
SAME_OBJECT, ANOTHER_OBJECT = 0.5, 0.3
"""IoU from which a proposal covers a labelled box, and below which it has nothing to do with it."""


@dataclass(frozen=True)
class Proposed:
    """What a base detector proposes on the pictures of a support set.

    boxes: ``[P, 4]`` of each picture. covered: part of the labelled boxes that one of them covers.
    """

    boxes: tuple[Tensor, ...]
    covered: float


def propose_on(support: Dataset, propose: Propose, *, reporter: Reporter | None = None) -> Proposed:
    """Return what ``propose`` finds on every picture of ``support``."""
    reporter = reporter or SilentReporter()
    boxes, hits = [], []
    reporter.start("proposals", len(support))
    try:
        for image, targets in support:
            found = propose(image).cpu()
            boxes.append(found)
            if len(targets) and len(found):
                hits.append(box_iou(targets.boxes, found).amax(dim=1) >= SAME_OBJECT)
            elif len(targets):
                hits.append(torch.zeros(len(targets), dtype=torch.bool))
            reporter.advance("proposals", 1)
    finally:
        reporter.finish("proposals")
    return Proposed(tuple(boxes), float(torch.cat(hits).float().mean()) if hits else 0.0)


def with_anything(
    memory: ClassMemory,
    support: Dataset,
    proposed: Proposed,
    embedder: PartsEmbedder,
    *,
    most: int = MOST_PROPOSALS,
) -> ClassMemory:
    """Return ``memory`` with the mean of the best proposals that are not labelled.

    most: proposals that are looked at, over all pictures.
    """
    each = -(-most // max(len(support), 1))
    seen = []
    for index, boxes in enumerate(_unlabelled(support, proposed)):
        if len(boxes):
            seen.append(embedder.embed(support.pictures[index].read(), boxes[:each]).cpu())
    if not seen:
        return memory
    mean = torch.cat(seen).mean(0)
    return memory.add(ANYTHING, mean[None, :, None, None])


def mark_lookalikes(
    support: Dataset,
    proposed: Proposed,
    memory: ClassMemory,
    embedder: PartsEmbedder,
    *,
    least: float,
    reporter: Reporter | None = None,
) -> Dataset:
    """Return ``support`` with unlabelled look-alikes of its classes as boxes marked difficult.

    A look-alike is proposed away from all labelled boxes, and its likeness to the prototype of
    some class, the cosine between embeddings less the mean proposal, is ``least`` or more.
    """
    reporter = reporter or SilentReporter()
    free = _unlabelled(support, proposed)
    seen = []
    reporter.start("look-alikes", len(support))
    try:
        for index, boxes in enumerate(free):
            image = support.pictures[index].read()
            seen.append(embedder.embed(image, boxes).cpu() if len(boxes) else torch.zeros(0, 1))
            reporter.advance("look-alikes", 1)
    finally:
        reporter.finish("look-alikes")
    embeddings = [one for one in seen if len(one)]
    if not embeddings:
        return support
    together = torch.cat(embeddings)
    center = together.mean(0)
    examples = [place for place, name in enumerate(memory.names) if name != ANYTHING]
    cosines = likeness(
        together, memory.prototypes().flatten(1)[examples], center, parts=embedder.parts
    )
    most_like, label = cosines.max(dim=1)
    chosen = most_like >= least
    picture = torch.cat([torch.full((len(one),), index) for index, one in enumerate(free)])
    names = [support.class_names.index(memory.names[place]) for place in examples]
    return _with_difficult(
        support,
        boxes=torch.cat(free)[chosen],
        labels=torch.tensor(names)[label[chosen]],
        picture=picture[chosen],
    )


def _unlabelled(support: Dataset, proposed: Proposed) -> list[Tensor]:
    return [
        _away(boxes, support.targets(index).boxes) for index, boxes in enumerate(proposed.boxes)
    ]


def _away(boxes: Tensor, labelled: Tensor) -> Tensor:
    if not len(labelled) or not len(boxes):
        return boxes
    return boxes[box_iou(boxes, labelled).amax(dim=1) < ANOTHER_OBJECT]


def _with_difficult(support: Dataset, *, boxes: Tensor, labels: Tensor, picture: Tensor) -> Dataset:
    """Return ``support`` with further boxes, marked difficult."""
    table, count = support.table, len(boxes)
    first = int(table.ids.max()) + 1 if len(table) else 1
    further = BoxTable(
        picture=picture,
        boxes=boxes,
        labels=labels,
        crowd=torch.zeros(count, dtype=torch.bool),
        difficult=torch.ones(count, dtype=torch.bool),
        ids=torch.arange(first, first + count),
    )
    outlines = support.outlines
    if outlines is not None:
        outlines = (*outlines, *([()] * count))
    whole = BoxTable.joined([table, further])
    return replace(support, table=whole, outlines=outlines)
