"""SimOTA: which anchors should find which object, by what the network says itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from handful.boxes import box_iou

UNMATCHED = -1
LOWEST_LOG = -100.0
"""No logarithm of a cross entropy is lower (as in torch)."""


@dataclass(frozen=True)
class Matches:
    """What the anchors of one picture should find.

    objects: ``[A]`` int64, the row of the target, ``UNMATCHED`` for background.
    iou: ``[A]`` of the predicted box with it, 0 for background.
    """

    objects: Tensor
    iou: Tensor


@dataclass(frozen=True)
class SimOTA:
    """Gives every object the anchors that serve it best (YOLOX, arXiv 2107.08430, section 2.1).

    An anchor is a candidate if its centre is nearer than ``radius`` strides to that of any
    object, both ways, or, with ``inside_counts``, inside a box. Costs are cross entropy plus
    ``iou_weight`` times -log(IoU + ``epsilon``) plus ``far_cost`` unless it is near this object
    (with ``inside_counts``: near and inside). An object gets as many anchors as its ``most``
    best IoUs add up to, at least one. The defaults are those of MMDetection and of Megvii's
    released weights.
    """

    radius: float = 2.5
    inside_counts: bool = True
    far_cost: float = 1e5
    epsilon: float = 1e-7
    iou_weight: float = 3.0
    most: int = 10

    @torch.no_grad()
    def __call__(
        self,
        class_logits: Tensor,
        objectness: Tensor,
        boxes: Tensor,
        *,
        cells: Tensor,
        strides: Tensor,
        target_boxes: Tensor,
        target_labels: Tensor,
    ) -> Matches:
        """Return the matches of the anchors of one picture.

        class_logits: ``[A, C]``. objectness: ``[A]`` logits. boxes: ``[A, 4]`` as predicted.
        cells: ``[A, 2]`` grid x, y. strides: ``[A]``. target_boxes, target_labels: ``[G, 4]``,
        ``[G]``. Costs are float32 whatever the network computes in. Where no anchor is a
        candidate, nothing is matched.
        """
        objects = torch.full_like(objectness, UNMATCHED, dtype=torch.long)
        overlaps = torch.zeros_like(objectness, dtype=torch.float32)
        known = target_boxes.float()
        candidate, close = self.geometry(cells.float(), strides.float(), known)
        rows = candidate.nonzero().flatten()
        if not len(rows):
            return Matches(objects, overlaps)
        iou = box_iou(known, boxes[rows].float())
        cost = class_cost(class_logits[rows], objectness[rows], target_labels)
        cost = cost + self.iou_weight * -torch.log(iou + self.epsilon)
        cost = cost + self.far_cost * ~close[:, rows]
        found, chosen = self.choose(cost, iou)
        objects[rows[found]] = chosen
        overlaps[rows[found]] = iou[chosen, found]
        return Matches(objects, overlaps)

    def geometry(self, cells: Tensor, strides: Tensor, boxes: Tensor) -> tuple[Tensor, Tensor]:
        """Return which anchors ``[A]`` are candidates and to which ``boxes`` ``[G, A]`` close."""
        centers = ((cells + 0.5) * strides[:, None])[None]
        middle = ((boxes[:, :2] + boxes[:, 2:]) / 2)[:, None]
        reach = (self.radius * strides)[None, :, None]
        near = _strictly_between(middle - reach, centers, middle + reach)
        if not self.inside_counts:
            return near.any(dim=0), near
        inside = _strictly_between(boxes[:, None, :2], centers, boxes[:, None, 2:])
        return (near | inside).any(dim=0), near & inside

    def choose(self, cost: Tensor, iou: Tensor) -> tuple[Tensor, Tensor]:
        """Return the columns of ``cost`` ``[G, N]`` that are matched, and their rows.

        A column wanted by several rows goes to the cheapest of all rows; of equally cheap ones
        to the first.
        """
        count = min(self.most, iou.shape[1])
        wanted = iou.topk(count, dim=1).values.sum(dim=1).long().clamp(min=1)
        cheapest = cost.topk(count, dim=1, largest=False).indices
        among = torch.arange(count, device=cost.device) < wanted[:, None]
        matched = torch.zeros_like(cost, dtype=torch.bool).scatter(1, cheapest, among)
        takers = matched.sum(dim=0)
        only, best = matched.int().argmax(dim=0), cost.argmin(dim=0)
        columns = takers.nonzero().flatten()
        return columns, torch.where(takers > 1, best, only)[columns]


def class_cost(class_logits: Tensor, objectness: Tensor, labels: Tensor) -> Tensor:
    """Return the cross entropy ``[G, N]`` of predictions with the one-hot ``labels`` ``[G]``.

    class_logits: ``[N, C]``, objectness: ``[N]``. A class is said with the root of the product
    of both probabilities. Summed over classes without a table of objects, anchors and classes.
    """
    said = (class_logits.float().sigmoid() * objectness.float().sigmoid()[:, None]).sqrt()
    yes = said.log().clamp(min=LOWEST_LOG)
    no = torch.log1p(-said).clamp(min=LOWEST_LOG)
    return (no - yes).T[labels] - no.sum(dim=1)


def _strictly_between(low: Tensor, points: Tensor, high: Tensor) -> Tensor:
    across, down = ((points > low) & (points < high)).unbind(-1)
    return across & down
