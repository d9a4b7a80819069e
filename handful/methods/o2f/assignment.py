"""Which points learn which object, and how much (O2F, arXiv 2303.11567, section 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from handful.boxes import box_area
from handful.methods.o2f.head import boxes_around
from handful.nn.grid import Level

BACKGROUND = -1
SMALLEST_UNION = 1e-6
"""Square pixels that an intersection is divided by, at least."""

LEAST_CHANCE = 1e-12
"""Keeps the share of a soft point finite where none is likely."""


@dataclass(frozen=True)
class Assigned:
    """What the P points of one picture learn.

    objects: ``[P]``, the row of the target, ``BACKGROUND`` for none. degrees: ``[P]``, 0 to 1, how
    much a point is its object: 1 for the certain one, 0 where there is none. weights: ``[P]`` of
    that in the loss of classes.
    """

    objects: Tensor
    degrees: Tensor
    weights: Tensor

    @property
    def positive(self) -> Tensor:
        """Which points ``[P]`` have an object."""
        return self.objects != BACKGROUND


@dataclass(frozen=True)
class Shortlist:
    """The few points that could learn each of G objects, at most S; all columns ``[G, S]``.

    points: their positions. valid: whether there is one, with some overlap. chances: of the
    object's class and quality together. qualities: how well they find it.
    """

    points: Tensor
    valid: Tensor
    chances: Tensor
    qualities: Tensor

    def taken(self, columns: Tensor) -> Shortlist:
        """Return the ``columns`` ``[G, K]`` of each row."""
        return Shortlist(
            points=self.points.gather(1, columns),
            valid=self.valid.gather(1, columns),
            chances=self.chances.gather(1, columns),
            qualities=self.qualities.gather(1, columns),
        )


@dataclass(frozen=True)
class OneToFew:
    """Gives every object one certain point, and a few that are objects by a degree.

    An object's candidates lie inside its box and nearer to its middle than ``radius`` strides,
    both ways, on any level. Of these its ``most`` best by p^(1 - ``alpha``) IoU^``alpha``
    learn it, p being the product of class and quality; a point wanted by several goes to the one
    that it finds best. The best ``certain`` that are left are objects for certain: one as
    published, ``most`` for a one-to-many assignment. All others are objects by the degree
    T p / max p, with ``soft_weight``, where T falls from ``first`` to ``last`` with progress.
    """

    most: int = 7
    certain: int = 1
    radius: float = 1.5
    alpha: float = 0.8
    soft_weight: float = 0.4
    first: float = 0.6
    last: float = 0.2

    @torch.no_grad()
    def __call__(
        self,
        class_logits: Tensor,
        quality_logits: Tensor,
        distances: Tensor,
        *,
        points: Tensor,
        levels: Sequence[Level],
        boxes: Tensor,
        labels: Tensor,
        centers: Tensor | None = None,
        progress: float = 0.0,
    ) -> Assigned:
        """Return what the points of one picture learn.

        class_logits: ``[P, C]``. quality_logits: ``[P]``. distances: ``[P, 4]`` in pixels. points:
        ``[P, 2]``, the centres of ``levels``. boxes: ``[G, 4]`` and labels ``[G]`` of the objects.
        centers: ``[G, 2]``, their middles, None for those of their boxes. progress: of training,
        0 to 1. Float32 whatever the network computes in.
        """
        count = len(points)
        boxes = boxes.float()
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2 if centers is None else centers.float()
        near, rows = self.candidates(boxes, middles, points=points, levels=levels)
        found = boxes_around(points[rows], distances[rows].float())
        overlaps = torch.where(near, _overlaps(found, boxes[:, None]), 0.0)
        chances = (
            class_logits[rows, labels[:, None].expand_as(rows)].float().sigmoid()
            * quality_logits[rows].float().sigmoid()
        )
        qualities = chances.pow(1 - self.alpha) * overlaps.pow(self.alpha)
        listed = Shortlist(rows, overlaps > 0, chances, qualities)
        return self.degrees(self.best(listed), count, progress)

    def temperature(self, progress: float) -> float:
        """Return the degree of the likeliest soft point at this ``progress`` of training."""
        return self.first + (self.last - self.first) * progress

    def candidates(
        self, boxes: Tensor, middles: Tensor, *, points: Tensor, levels: Sequence[Level]
    ) -> tuple[Tensor, Tensor]:
        """Return which candidates count, and which points they are, both ``[G, S]``.

        Only cells around the middle of an object are looked at, so that S is a few dozen.
        """
        reach = math.ceil(2 * self.radius) + 1
        steps = torch.arange(reach, device=boxes.device)
        near, rows = [], []
        for level in levels:
            side = self.radius * level.stride
            low = torch.maximum(middles - side, boxes[:, :2])
            high = torch.minimum(middles + side, boxes[:, 2:])
            first = (low / level.stride - 0.5).floor().long()
            columns, lines = (first[:, axis, None] + steps for axis in (0, 1))
            # A grid of cells [G, reach, reach], row by row.
            inside = ((lines >= 0) & (lines < level.height))[:, :, None] & (
                (columns >= 0) & (columns < level.width)
            )[:, None, :]
            places = lines.clamp(0, level.height - 1)[:, :, None] * level.width
            places = level.first + places + columns.clamp(0, level.width - 1)[:, None, :]
            places, inside = places.flatten(1), inside.flatten(1)
            where = points[places]
            between = (where > low[:, None]) & (where < high[:, None])
            near.append(inside & between.all(dim=-1))
            rows.append(places)
        return torch.cat(near, dim=1), torch.cat(rows, dim=1)

    def best(self, listed: Shortlist) -> Shortlist:
        """Return the ``most`` best of each object, by falling quality."""
        ranked = torch.where(listed.valid, listed.qualities, -1.0)
        width = min(self.most, ranked.shape[1])
        return listed.taken(ranked.topk(width, dim=1).indices)

    def degrees(self, listed: Shortlist, count: int, progress: float) -> Assigned:
        """Return what ``count`` points learn of the objects that list them, by falling quality."""
        won = self.won(listed, count)
        certain = won & (won.int().cumsum(dim=1) <= self.certain)
        soft = won & ~certain
        likely = torch.where(soft, listed.chances, 0.0)
        share = likely / likely.amax(dim=1, keepdim=True).clamp(min=LEAST_CHANCE)
        degrees = torch.where(certain, 1.0, self.temperature(progress) * share)
        weights = torch.where(certain, 1.0, self.soft_weight)
        points = listed.points[won]
        objects = torch.full((count,), BACKGROUND, device=points.device)
        values = listed.qualities.new_zeros(2, count)
        objects[points] = won.nonzero()[:, 0]
        values[:, points] = torch.stack([degrees[won], weights[won].to(degrees)])
        return Assigned(objects, values[0], values[1])

    def won(self, listed: Shortlist, count: int) -> Tensor:
        """Return which of the listed ``[G, K]`` have their point: a point has one object.

        It goes to the one that it finds best, of equals to the first.
        """
        points, qualities = listed.points, listed.qualities
        wanted = listed.valid & (qualities > 0)
        claims = torch.where(wanted, qualities, 0.0)
        highest = claims.new_zeros(count).scatter_reduce(
            0, points.flatten(), claims.flatten(), reduce="amax"
        )
        equal = wanted & (claims == highest[points])
        rows = torch.arange(len(points), device=points.device)[:, None].expand_as(points)
        claimants = torch.where(equal, rows, len(points))
        first = torch.full((count,), len(points), device=points.device).scatter_reduce(
            0, points.flatten(), claimants.flatten(), reduce="amin"
        )
        return equal & (rows == first[points])


def _overlaps(found: Tensor, boxes: Tensor) -> Tensor:
    """Return the IoU ``[G, S]`` of ``found`` ``[G, S, 4]`` with ``boxes`` ``[G, 1, 4]``."""
    near = torch.maximum(found[..., :2], boxes[..., :2])
    far = torch.minimum(found[..., 2:], boxes[..., 2:])
    shared = box_area(torch.cat([near, far], dim=-1))
    union = box_area(found) + box_area(boxes) - shared
    return shared / union.clamp(min=SMALLEST_UNION)
