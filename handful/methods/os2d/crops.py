"""Training patches: where to cut a scene, and what becomes of the boxes in it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image
from torch import Tensor

from handful.boxes import covered_fraction
from handful.structures import Targets

CUT_OFF = -2
"""Label of an object of which too little is left in the patch: its area is background."""

Window = tuple[int, int, int, int]


@dataclass(frozen=True)
class CropRecipe:
    """How random patches are cut; the defaults are the paper's.

    patch_size: (width, height) of the result. scale_jitter: the scale varies between this and
    its inverse, aspect_jitter: so does the shape. min_coverage: part of some object's area
    that must be inside. cut_off_below, difficult_below: parts of an object's area inside at
    which it is dropped and ignored. trials: attempts before the top-left corner is taken.
    """

    patch_size: tuple[int, int] = (600, 600)
    scale_jitter: float = 0.7
    aspect_jitter: float = 0.9
    min_coverage: float = 0.7
    cut_off_below: float = 0.3
    difficult_below: float = 0.7
    trials: int = 100


def whole_window(position: Sequence[float]) -> Window:
    """Return ``position`` (x1, y1, x2, y2) in whole pixels, moved to start in the picture."""
    left, top, right, bottom = (int(value) for value in position)
    width, height = right - left, bottom - top
    left, top = max(left, 0), max(top, 0)
    return left, top, left + width, top + height


def random_window(
    boxes: Tensor,
    image_size: tuple[int, int],
    *,
    scale: float,
    recipe: CropRecipe,
    rng: random.Random,
) -> Window:
    """Return a window that shows most of some box ``[N, 4]``, or anything if there are none.

    image_size: (height, width). scale: of the picture, at which the patch size is meant.
    """
    height, width = image_size
    patch_width, patch_height = recipe.patch_size
    shape = patch_width / patch_height
    for _ in range(recipe.trials):
        aspect = rng.uniform(shape * recipe.aspect_jitter, shape / recipe.aspect_jitter)
        jittered = rng.uniform(scale * recipe.scale_jitter, scale / recipe.scale_jitter)
        across = min(patch_width / jittered, width)
        down = int(min(across / aspect, height))
        across = int(across)
        left = rng.randrange(width - across) if width > across else 0
        top = rng.randrange(height - down) if height > down else 0
        window = (left, top, left + across, top + down)
        inside = covered_fraction(boxes, boxes.new_tensor(window))
        if not len(boxes) or bool((inside >= recipe.min_coverage).any()):
            return window
    return 0, 0, round(patch_width / scale), round(patch_height / scale)


def box_fates(boxes: Tensor, window: Window, recipe: CropRecipe) -> tuple[Tensor, Tensor]:
    """Return which ``boxes`` ``[N, 4]`` are cut off by ``window`` and which are too small a part.

    Both are bool ``[N]``; a box that is cut off is also too small a part.
    """
    inside = covered_fraction(boxes, boxes.new_tensor(window))
    return inside < recipe.cut_off_below, inside < recipe.difficult_below


def to_patch(boxes: Tensor, window: Window, patch_size: tuple[int, int]) -> Tensor:
    """Return ``boxes`` ``[N, 4]`` of the picture in a patch of ``patch_size`` (width, height)."""
    shift, scale = _shift_and_scale(boxes, window, patch_size)
    return (boxes - shift) * scale


def from_patch(boxes: Tensor, window: Window, patch_size: tuple[int, int]) -> Tensor:
    """Return ``boxes`` ``[N, 4]`` of a patch of ``patch_size`` (width, height) in the picture."""
    shift, scale = _shift_and_scale(boxes, window, patch_size)
    return boxes / scale + shift


def crop_targets(targets: Targets, window: Window, recipe: CropRecipe) -> Targets:
    """Return ``targets`` as the patch shows them; boxes are not clipped to it."""
    cut_off, difficult = box_fates(targets.boxes, window, recipe)
    width, height = recipe.patch_size
    return replace(
        targets,
        boxes=to_patch(targets.boxes, window, recipe.patch_size),
        labels=torch.where(cut_off, CUT_OFF, targets.labels),
        difficult=targets.difficult | difficult,
        image_size=(height, width),
    )


def crop_image(
    image: Image.Image,
    window: Window,
    recipe: CropRecipe,
    *,
    resample: Image.Resampling = Image.Resampling.BILINEAR,
) -> Image.Image:
    """Return the patch; what lies outside ``image`` is black."""
    return image.crop(window).resize(recipe.patch_size, resample)


def _shift_and_scale(
    boxes: Tensor, window: Window, patch_size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    left, top, right, bottom = window
    scale = [patch_size[0] / (right - left), patch_size[1] / (bottom - top)]
    return boxes.new_tensor([left, top] * 2), boxes.new_tensor(scale * 2)
