"""Searching one picture: its levels, their features, and the classes in chunks that fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from handful.boxes import box_iou, chunked_nms
from handful.memory import ClassMemory
from handful.methods.os2d import OS2D, MappedDetections, Matches, area_size, decode_pyramid
from handful.methods.os2d import pyramid_sizes as scaled_sizes
from handful.methods.os2d.pyramid import NMS_CHUNK
from handful.predict.settings import SearchSettings

Size = tuple[int, int]
"""(height, width) in pixels."""

KEPT_BYTES = 4 * (4 + 1 + 8)
"""What matching leaves behind at each cell for each view: offsets, score, corners."""


SAME_PLACE = 0.5
"""Boxes of two classes that overlap more than this claim one object."""

MOST_RIVALS, RIVAL_ROWS = 2000, 1000
"""So many detections are compared with others, and so many at a time: time and memory then
grow with the number of detections, not with its square."""


def fitted(picture: Image.Image, image_size: int | None) -> Image.Image:
    """Return ``picture`` resized to the area of a square of side ``image_size``, aspect kept.

    As in the original, a picture whose longer side already is ``image_size`` stays.
    """
    if image_size is None or max(picture.size) == image_size:
        return picture
    height, width = area_size((picture.height, picture.width), image_size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def pyramid_sizes(size: Size, settings: SearchSettings) -> list[Size]:
    """Return the size of each level of a picture of ``size``, see ``shrinkage``."""
    factor = shrinkage(size, settings)
    return scaled_sizes(size, [scale * factor for scale in settings.scales])


def shrinkage(size: Size, settings: SearchSettings) -> float:
    """Return by what all scales are multiplied so that no level exceeds ``max_level_pixels``."""
    largest = size[0] * size[1] * max(settings.scales) ** 2
    return min(1.0, math.sqrt(settings.max_level_pixels / largest))


def level_features(model: OS2D, picture: Image.Image, sizes: Sequence[Size]) -> list[Tensor]:
    """Return the raw feature map ``[1, C, h, w]`` of ``picture`` at each of ``sizes``."""
    return [model.features(model.preprocess(picture, (width, height))) for height, width in sizes]


def search_levels(
    model: OS2D,
    features: Sequence[Tensor],
    sizes: Sequence[Size],
    *,
    memory: ClassMemory,
    image_size: Size,
    settings: SearchSettings,
) -> MappedDetections:
    """Return what of ``memory`` is found on a picture's levels, by falling score.

    features, sizes: of the levels. image_size: of the picture the boxes are wanted on. Classes
    go in groups, each matched, decoded and suppressed before the next, so that memory grows
    with the number of classes by their features and detections alone. The result is the same
    for every ``settings.max_bytes``.
    """
    budget = settings.max_bytes // 2
    cells = sum(level.shape[-2] * level.shape[-1] for level in features)
    found = nothing_found(image_size, device=features[0].device)
    for rows in class_groups(memory.owner, max(1, budget // (KEPT_BYTES * cells))):
        templates = memory.features[rows].to(features[0])
        part = decode_pyramid(
            [match_in_chunks(model, level, templates, max_bytes=budget) for level in features],
            sizes,
            image_size,
            memory.owner[rows].tolist(),
            score_threshold=settings.score,
            nms_iou=settings.nms_iou,
            stride=model.config.feature_stride,
            anchor_side=model.config.anchor_side,
        )
        found = _joined(found, strongest_of_each(part, settings.max_per_class))
        if not settings.across_classes:
            found = found[: kept_detections(settings)]
    if settings.rivalry:
        scores = rival_scores(found, rivalry=settings.rivalry)
        found = replace(found, scores=scores).sorted().above(settings.score)
    if settings.across_classes:
        keep = chunked_nms(found.boxes, found.scores, iou=settings.nms_iou, chunk=NMS_CHUNK)
        found = found[keep]
    return replace(found[: settings.max_detections], class_names=memory.names)


def kept_detections(settings: SearchSettings) -> int | None:
    """Return how many detections a search carries along: those that can be in the answer.

    Rivals may lower any score, so with rivalry at least ``MOST_RIVALS`` are carried.
    """
    if settings.max_detections is None or not settings.rivalry:
        return settings.max_detections
    return max(settings.max_detections, MOST_RIVALS)


def rival_scores(found: MappedDetections, *, rivalry: float) -> Tensor:
    """Return scores ``[N]`` lowered where another class claims the same place with more right.

    A box that overlaps a stronger one of another class by ``SAME_PLACE`` loses ``rivalry``
    times what it lacks to the strongest of them: of look-alikes at most one is there, and
    the best cosine at a place says more than the same cosine at another. ``found`` is sorted
    by falling score; the strongest ``MOST_RIVALS`` are rivals.
    """
    boxes, labels, scores = found.boxes, found.labels, found.scores
    lacking = torch.zeros_like(scores)
    for rows in torch.arange(len(scores), device=scores.device).split(RIVAL_ROWS):
        overlap = box_iou(boxes[rows], boxes[:MOST_RIVALS])
        rival = (overlap > SAME_PLACE) & (labels[rows, None] != labels[:MOST_RIVALS])
        strongest = torch.where(rival, scores[:MOST_RIVALS], -torch.inf).amax(dim=1)
        lacking[rows] = (strongest - scores[rows]).clamp(min=0)
    return scores - rivalry * lacking


def match_in_chunks(model: OS2D, features: Tensor, templates: Tensor, *, max_bytes: int) -> Matches:
    """Return ``model.match`` for all ``templates``, so many at a time as fit in ``max_bytes``."""
    map_size = (features.shape[-2], features.shape[-1])
    at_once = max(1, max_bytes // model.match_bytes(map_size))
    parts = [model.match(features, chunk) for chunk in templates.split(at_once)]
    scores = torch.cat([part.scores for part in parts])
    return Matches(
        loc=torch.cat([part.loc for part in parts]),
        scores=scores,
        corners=torch.cat([part.corners for part in parts]),
        fixed_scores=scores,
    )


def class_groups(owner: Tensor, views: int) -> Iterator[slice]:
    """Yield the rows of whole classes, up to ``views`` at a time but at least one class.

    owner: ``[V]``, sorted. A class is never divided: its views compete with each other.
    """
    start = end = 0
    for count in torch.bincount(owner).tolist():
        if end > start and end + count - start > views:
            yield slice(start, end)
            start = end
        end += count
    if end > start:
        yield slice(start, end)


def nothing_found(
    image_size: Size, class_names: tuple[str, ...] = (), *, device: torch.device | str = "cpu"
) -> MappedDetections:
    """Return no detections on a picture of ``image_size``."""
    return MappedDetections(
        boxes=torch.zeros(0, 4, device=device),
        scores=torch.zeros(0, device=device),
        labels=torch.zeros(0, dtype=torch.long, device=device),
        image_size=image_size,
        class_names=class_names,
        corners=torch.zeros(0, 8, device=device),
        anchors=torch.zeros(0, 4, device=device),
    )


def strongest_of_each(found: MappedDetections, limit: int | None) -> MappedDetections:
    """Return at most ``limit`` rows of each class; ``found`` is sorted by falling score."""
    if limit is None:
        return found
    keep = [torch.nonzero(found.labels == label)[:limit, 0] for label in found.labels.unique()]
    return found[torch.cat(keep).sort().values] if keep else found


def _joined(first: MappedDetections, second: MappedDetections) -> MappedDetections:
    """Return the rows of both by falling score; of equal scores those of ``first`` come first."""
    columns = {
        name: torch.cat([getattr(first, name), getattr(second, name)])
        for name in ("boxes", "scores", "labels", "corners", "anchors")
    }
    return replace(first, **columns).sorted()
