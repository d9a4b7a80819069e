"""Training windows cut from drawn scenes, examples of their classes, and the map between both."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy
import torch
from PIL import Image, ImageEnhance
from torch import Tensor

from handful.data.synthetic import PlacedObject, ShelfRecipe, class_picture
from handful.data.synthetic.projection import project
from handful.methods.os2d.alignment import Instances
from handful.methods.os2d.pyramid import area_size

Generator = numpy.random.Generator

FILTERS = (
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
)
LIGHTS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)
SQUARE = numpy.array([[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]])
"""Corners of an example in its own frame: top-left, top-right, bottom-left, bottom-right."""


@dataclass(frozen=True)
class WindowRecipe:
    """How windows and examples are cut.

    side: of a window, pixels. object_side: geometric mean side in pixels, smallest and
    largest, of the object that a window is cut around. example_side: examples have the area
    of this square. clean: part of the examples that are clean fronts; the others are cut from
    scenes. straight, whole: only objects tilted less (degrees) and seen better than this
    serve as examples. known: objects of which less is seen are neither hits nor misses.
    jitter: of the cut of an example, part of its side. light: largest change of brightness,
    contrast and colour, each made to half of the pictures.
    """

    side: int = 224
    object_side: tuple[float, float] = (84.0, 168.0)
    example_side: int = 120
    clean: float = 0.3
    straight: float = 25.0
    whole: float = 0.95
    known: float = 0.6
    jitter: float = 0.04
    light: float = 0.35


@dataclass(frozen=True)
class Scene:
    """A drawn picture and what stands in it."""

    image: Image.Image
    objects: tuple[PlacedObject, ...]


class Window(NamedTuple):
    """A part of a scene.

    label: the class it was cut around. objects: all of the scene. place: ``[3, 3]`` map from
    the scene to the window. pixels: ``[3, S, S]`` in [0, 1].
    """

    label: int
    objects: tuple[PlacedObject, ...]
    place: numpy.ndarray
    pixels: Tensor


class Example(NamedTuple):
    """A picture of a class.

    frame: ``[3, 3]`` map from the example's [-1, 1] square to the front of the class.
    pixels: ``[3, h, w]`` in [0, 1].
    """

    label: int
    frame: numpy.ndarray
    pixels: Tensor


class WindowCutter:
    """Cuts windows and examples out of a pool of scenes."""

    def __init__(self, recipe: WindowRecipe, shelves: ShelfRecipe, scenes: Sequence[Scene]) -> None:
        self.recipe = recipe
        self.shelves = shelves
        self.scenes = scenes
        self._models: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for number, scene in enumerate(scenes):
            for position, placed in enumerate(scene.objects):
                if placed.label >= 0 and self._exemplary(placed):
                    self._models[placed.label].append((number, position))

    def labels(self) -> list[int]:
        """Return the classes of which examples can be cut."""
        return sorted(self._models)

    def _exemplary(self, placed: PlacedObject) -> bool:
        (x1, y1), (x2, y2) = placed.quad[0], placed.quad[1]
        tilt = abs(math.degrees(math.atan2(y2 - y1, x2 - x1)))
        return placed.visible >= self.recipe.whole and tilt <= self.recipe.straight

    def window(self, random: Generator) -> Window:
        """Cut a window around some object of some scene, at some scale."""
        recipe = self.recipe
        scene, placed = self._choose(random)
        x1, y1, x2, y2 = bounds(placed.outline)
        low, high = recipe.object_side
        side = math.exp(random.uniform(math.log(low), math.log(high)))
        zoom = max(side / math.sqrt((x2 - x1) * (y2 - y1)), recipe.side / min(scene.image.size))
        reach = recipe.side / zoom
        left = _start(x1, x2, reach, random, limit=scene.image.width)
        top = _start(y1, y2, reach, random, limit=scene.image.height)
        box = (
            left,
            top,
            min(left + reach, scene.image.width),
            min(top + reach, scene.image.height),
        )
        picture = scene.image.resize((recipe.side, recipe.side), _one_of(FILTERS, random), box=box)
        place = numpy.array([[zoom, 0, -left * zoom], [0, zoom, -top * zoom], [0, 0, 1]])
        return Window(placed.label, scene.objects, place, to_pixels(self._lit(picture, random)))

    def _choose(self, random: Generator) -> tuple[Scene, PlacedObject]:
        while True:
            scene = self.scenes[int(random.integers(len(self.scenes)))]
            placed = scene.objects[int(random.integers(len(scene.objects)))]
            if placed.visible >= self.recipe.known and placed.label in self._models:
                return scene, placed

    def example(self, label: int, random: Generator) -> Example:
        """Return a picture of a class: its clean front, or a cut from some scene."""
        if random.random() < self.recipe.clean:
            image = class_picture(self.shelves, label)
            box = (0.0, 0.0, float(image.width), float(image.height))
            to_front = numpy.diag([1 / image.width, 1 / image.height, 1.0])
        else:
            models = self._models[label]
            number, position = models[int(random.integers(len(models)))]
            image, placed = self.scenes[number].image, self.scenes[number].objects[position]
            box = self._shaken(bounds(placed.outline), image.size, random)
            to_front = numpy.linalg.inv(placed.homography)
        x1, y1, x2, y2 = box
        half_width, half_height = (x2 - x1) / 2, (y2 - y1) / 2
        to_image = numpy.array(
            [[half_width, 0, x1 + half_width], [0, half_height, y1 + half_height], [0, 0, 1]]
        )
        size = (max(round(y2 - y1), 1), max(round(x2 - x1), 1))
        height, width = area_size(size, self.recipe.example_side)
        picture = image.resize((width, height), _one_of(FILTERS, random), box=box)
        return Example(label, to_front @ to_image, to_pixels(self._lit(picture, random)))

    def _shaken(
        self, box: tuple[float, ...], size: tuple[int, int], random: Generator
    ) -> tuple[float, float, float, float]:
        x1, y1, x2, y2 = box
        reach = self.recipe.jitter * math.sqrt((x2 - x1) * (y2 - y1))
        limits = (size[0], size[1], size[0], size[1])
        moved = numpy.array(box) + random.uniform(-reach, reach, 4)
        left, top, right, bottom = (
            float(min(max(value, 0), limit)) for value, limit in zip(moved, limits, strict=True)
        )
        return left, top, right, bottom

    def _lit(self, picture: Image.Image, random: Generator) -> Image.Image:
        """Return the picture under another light."""
        for light in LIGHTS:
            if random.random() < 0.5:
                change = random.uniform(-self.recipe.light, self.recipe.light)
                picture = light(picture).enhance(1 + change)
        return picture


def find_instances(window: Window, examples: Sequence[Example], recipe: WindowRecipe) -> Instances:
    """Return the objects in ``window`` that are of the examples' classes; pair = position."""
    pairs, corners, boxes, ignored = [], [], [], []
    for placed in window.objects:
        x1, y1, x2, y2 = bounds(project(window.place, placed.outline))
        width = min(x2, recipe.side) - max(x1, 0)
        height = min(y2, recipe.side) - max(y1, 0)
        if width <= 0 or height <= 0:
            continue
        for position, example in enumerate(examples):
            if example.label != placed.label:
                continue
            pairs.append(position)
            matrix = window.place @ placed.homography @ example.frame
            corners.append(affine_corners(project(matrix, SQUARE)))
            boxes.append((x1, y1, x2, y2))
            seen = width * height / ((x2 - x1) * (y2 - y1))
            ignored.append(seen * placed.visible < recipe.known)
    return Instances(
        pair=torch.tensor(pairs, dtype=torch.long),
        corners=torch.tensor(numpy.array(corners), dtype=torch.float32).reshape(-1, 4, 2),
        boxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        ignored=torch.tensor(ignored, dtype=torch.bool),
    )


def affine_corners(corners: numpy.ndarray) -> numpy.ndarray:
    """Return the corners ``[4, 2]`` of the affine map nearest to a homography's ``corners``."""
    across, down = SQUARE[:, 0] @ corners / 4, SQUARE[:, 1] @ corners / 4
    return corners.mean(axis=0) + SQUARE[:, :1] * across + SQUARE[:, 1:] * down


def bounds(points: numpy.ndarray) -> tuple[float, float, float, float]:
    """Return the box around ``points`` ``[N, 2]``."""
    (x1, y1), (x2, y2) = points.min(axis=0), points.max(axis=0)
    return float(x1), float(y1), float(x2), float(y2)


def to_pixels(picture: Image.Image) -> Tensor:
    """Return an RGB picture as ``[3, h, w]`` in [0, 1]."""
    return torch.from_numpy(numpy.array(picture)).permute(2, 0, 1).float() / 255


def _start(low: float, high: float, reach: float, random: Generator, *, limit: int) -> float:
    """Return where a window of length ``reach`` begins that holds low to high, if it can."""
    start = random.uniform(high - reach, low) if high - low < reach else (low + high - reach) / 2
    return min(max(start, 0.0), max(limit - reach, 0.0))


def _one_of(options: tuple, random: Generator):
    return options[random.integers(len(options))]
