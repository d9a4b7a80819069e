"""Where everything stands: scenes as exact geometry, before a pixel is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy
from PIL import Image, ImageDraw

from handful.data.dataset import Polygons
from handful.data.synthetic.contours import mask_polygons, polygon_area
from handful.data.synthetic.designs import Design, class_design, distractor_design
from handful.data.synthetic.projection import UNIT_SQUARE, Pose, pose_homography, project
from handful.data.synthetic.recipe import PARTS, ShelfRecipe

Generator = numpy.random.Generator
Window = tuple[slice, slice]

MOST_CORE_HIDDEN = 0.5
"""Largest hidden part of the middle of a labelled front, which tells look-alikes apart."""
_CORE = UNIT_SQUARE * 0.7 + 0.15
_TRIES = 1500
_SLACK = 0.01


@dataclass(frozen=True)
class PlacedObject:
    """One object of a scene.

    label: of the recipe's class table, -1 for a distractor. homography: 3 x 3, from the unit
    square of the class picture to scene pixels. quad: ``[4, 2]`` its corners, from the top left
    one clockwise; outline: ``[N, 2]`` its silhouette, both whole and perhaps outside the picture.
    visible: part of the silhouette that is seen. polygons: the seen parts, where they were asked for.
    """

    label: int
    design: Design
    homography: numpy.ndarray
    quad: numpy.ndarray
    outline: numpy.ndarray
    visible: float = 1.0
    polygons: Polygons = ()

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Return xyxy bounds of the whole outline, cut off at the picture's edge."""
        low = self.outline.min(0).clip(0, (width, height))
        high = self.outline.max(0).clip(0, (width, height))
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass(frozen=True)
class SceneLayout:
    """All objects of one scene, the farthest first, and the shelf boards' heights (pixels)."""

    setting: str
    objects: tuple[PlacedObject, ...]
    boards: tuple[float, ...] = ()


def recipe_design(recipe: ShelfRecipe, label: int) -> Design:
    """Return the class that the recipe's ``label`` stands for."""
    return class_design(recipe.seed, recipe.part, recipe.first_class + label, recipe.look_alike)


def scene_generator(recipe: ShelfRecipe, index: int, stream: int) -> Generator:
    """Return the random numbers of one purpose (``stream``) in scene ``index``."""
    return numpy.random.default_rng((recipe.seed, PARTS.index(recipe.part), index, stream, 40487))


@lru_cache(maxsize=64)
def scene_layout(recipe: ShelfRecipe, index: int, *, polygons: bool = False) -> SceneLayout:
    """Return the geometry of scene ``index``: classes, homographies, visible fractions.

    With ``polygons`` the visible outlines are traced too, which takes most of the time.
    """
    rng = scene_generator(recipe, index, 0)
    setting = recipe.settings[rng.integers(len(recipe.settings))]
    stage = _Stage(recipe)
    wanted = int(rng.integers(recipe.objects[0], recipe.objects[1] + 1))
    spare = int(rng.integers(0, recipe.distractors + 1))
    below = int(rng.integers(0, spare + 1))
    labels = _scene_labels(recipe, rng)
    boards: tuple[float, ...] = ()
    if setting == "shelf":
        boards, slots = _shelf_slots(recipe, rng)
        _fill_shelf(stage, slots, labels, rng, (wanted, spare))
    camera = _Camera.random(recipe, setting, rng)
    _scatter(stage, camera, [], rng, below if setting != "shelf" else 0)
    _scatter(stage, camera, labels, rng, wanted - stage.labelled)
    _scatter(stage, camera, [], rng, spare - below)
    return SceneLayout(setting, stage.finished(polygons=polygons), boards)


class _Stage:
    """What stands in a scene so far, as an owner map that says which object each pixel shows."""

    def __init__(self, recipe: ShelfRecipe) -> None:
        self.recipe = recipe
        self.objects: list[PlacedObject] = []
        self.owner = numpy.full((recipe.height, recipe.width), -1, dtype=numpy.int16)
        self.core = self.owner.copy()
        self.areas = numpy.zeros(0)
        self.seen = numpy.zeros(0, dtype=int)
        self.cores = numpy.zeros(0)
        self.seen_core = numpy.zeros(0, dtype=int)

    @property
    def labelled(self) -> int:
        """Count the objects that have a class."""
        return sum(placed.label >= 0 for placed in self.objects)

    def place(self, label: int, design: Design, pose: Pose) -> bool:
        """Put an object on top unless it hides too much of another, or is cut off too much."""
        matrix = pose_homography(pose)
        outline = project(matrix, design.silhouette.points)
        found = self._raster(outline)
        if found is None:
            return False
        window, mask = found
        area = abs(polygon_area(outline))
        least = 1 - self.recipe.max_occlusion + _SLACK
        if label >= 0 and mask.sum() < least * area:
            return False
        hidden = self._hidden(self.owner, window, mask)
        hidden_core = self._hidden(self.core, window, mask)
        labelled = numpy.array([placed.label >= 0 for placed in self.objects], dtype=bool)
        spoilt = (hidden > 0) & (self.seen - hidden < least * self.areas)
        spoilt |= (hidden_core > 0) & (
            self.seen_core - hidden_core < (1 - MOST_CORE_HIDDEN) * self.cores
        )
        if (spoilt & labelled).any():
            return False
        self.seen = numpy.append(self.seen - hidden, mask.sum())
        self.seen_core = self.seen_core - hidden_core
        self.areas = numpy.append(self.areas, area)
        quad = project(matrix, UNIT_SQUARE)
        self._add(PlacedObject(label, design, matrix, quad, outline), window, mask)
        return True

    def finished(self, *, polygons: bool) -> tuple[PlacedObject, ...]:
        """Return the objects with what can be seen of each."""
        return tuple(
            replace(
                placed,
                visible=min(1.0, float(self.seen[number] / self.areas[number])),
                polygons=self._polygons(number) if polygons and placed.label >= 0 else (),
            )
            for number, placed in enumerate(self.objects)
        )

    def _hidden(self, owners: numpy.ndarray, window: Window, mask: numpy.ndarray) -> numpy.ndarray:
        return numpy.bincount(owners[window][mask] + 1, minlength=len(self.objects) + 1)[1:]

    def _add(self, placed: PlacedObject, window: Window, mask: numpy.ndarray) -> None:
        self.owner[window][mask] = len(self.objects)
        self.core[window][mask] = -1
        x1, y1, x2, y2 = placed.design.silhouette.panel
        middle = _CORE * (x2 - x1, y2 - y1) + (x1, y1)
        found = self._raster(project(placed.homography, middle))
        if found is not None:
            self.core[found[0]][found[1]] = len(self.objects)
        seen = 0 if found is None else int(found[1].sum())
        self.seen_core = numpy.append(self.seen_core, seen)
        self.cores = numpy.append(self.cores, seen)
        self.objects.append(placed)

    def _raster(self, outline: numpy.ndarray) -> tuple[Window, numpy.ndarray] | None:
        size = (self.recipe.width, self.recipe.height)
        low = numpy.floor(outline.min(0)).clip(0, size).astype(int)
        high = numpy.ceil(outline.max(0)).clip(0, size).astype(int)
        if (high - low).min() < 2:
            return None
        picture = Image.new("1", (int(high[0] - low[0]), int(high[1] - low[1])))
        points = outline - low - 0.5
        ImageDraw.Draw(picture).polygon([(float(x), float(y)) for x, y in points], fill=1)
        return (slice(low[1], high[1]), slice(low[0], high[0])), numpy.asarray(picture)

    def _polygons(self, number: int) -> Polygons:
        placed, size = self.objects[number], (self.recipe.width, self.recipe.height)
        low, high = placed.outline.min(0), placed.outline.max(0)
        whole, _ = self._raster(placed.outline) or (None, None)
        if whole is None:
            return ()
        mask = self.owner[whole] == number
        inside = (low >= 0).all() and (high <= size).all()
        if inside and (on_top := self._raster(placed.outline)) and mask.sum() == on_top[1].sum():
            return (tuple(placed.outline.ravel().tolist()),)
        corner = (whole[1].start, whole[0].start)
        parts = [part + corner for part in mask_polygons(mask)]
        low, high = low.clip(0, size), high.clip(0, size)
        return tuple(tuple(part.clip(low, high).ravel().tolist()) for part in parts)


@dataclass(frozen=True)
class _Camera:
    """How the things of a scattered scene are turned and spread."""

    setting: str
    pitch: float
    yaw: float

    @classmethod
    def random(cls, recipe: ShelfRecipe, setting: str, rng: Generator) -> _Camera:
        pitch = rng.uniform(0, recipe.turn) if setting == "table" else rng.normal(0, recipe.turn / 5)
        yaw = rng.uniform(-1, 1) * recipe.turn * (0.8 if setting == "wall" else 0.2)
        return cls(setting, float(pitch), float(yaw))

    def pose(self, recipe: ShelfRecipe, design: Design, rng: Generator, size: float) -> Pose:
        """Return a random pose; ``size`` in [0, 1] picks between smallest and largest."""
        low, high = recipe.scale
        side = recipe.side * low * (high / low) ** size
        aspect = math.sqrt(design.silhouette.aspect)
        tilt = rng.uniform(-1, 1) * recipe.tilt * (0.5 if self.setting == "wall" else 1.0)
        loose = recipe.turn * (0.6 if self.setting == "pile" else 0.25)
        pitch = self.pitch + rng.uniform(-1, 1) * loose
        yaw = self.yaw + rng.uniform(-1, 1) * loose
        spread = rng.normal(0.5, 0.22, 2) if self.setting == "pile" else rng.uniform(0.02, 0.98, 2)
        return Pose(
            centre=(float(spread[0]) * recipe.width, float(spread[1]) * recipe.height),
            width=side * aspect,
            height=side / aspect,
            tilt=float(tilt),
            pitch=float(numpy.clip(pitch, -recipe.turn, recipe.turn)),
            yaw=float(numpy.clip(yaw, -recipe.turn, recipe.turn)),
            distance=float(rng.uniform(2.2, 7.0)),
        )


def _scene_labels(recipe: ShelfRecipe, rng: Generator) -> list[int]:
    """Choose a scene's classes: a few families, mostly with more than one member each."""
    families = -(-recipe.classes // recipe.look_alike)
    chosen = rng.permutation(families)[: int(rng.integers(2, 6))]
    labels = []
    for family in chosen:
        members = numpy.arange(recipe.look_alike) + family * recipe.look_alike
        members = rng.permutation(members[members < recipe.classes])
        labels += members[: int(rng.integers(1, len(members) + 1))].tolist()
    return labels


def _random_distractor(recipe: ShelfRecipe, rng: Generator) -> Design:
    return distractor_design(recipe.seed, int(rng.integers(0, 400)))


def _scatter(stage: _Stage, camera: _Camera, labels: list[int], rng: Generator, count: int) -> None:
    """Put ``count`` objects, of ``labels`` or distractors, wherever the rules allow."""
    tries = 0
    while count > 0 and tries < _TRIES:
        shrink = 1 - tries / _TRIES
        label = int(rng.choice(labels)) if labels else -1
        design = recipe_design(stage.recipe, label) if labels else _random_distractor(stage.recipe, rng)
        pose = camera.pose(stage.recipe, design, rng, float(rng.random()) * shrink)
        count -= stage.place(label, design, pose)
        tries += 1


@dataclass(frozen=True)
class _Slot:
    """A place on a shelf: left edge, board height, side of the object, turn of its row."""

    left: float
    board: float
    side: float
    yaw: float


def _shelf_slots(recipe: ShelfRecipe, rng: Generator) -> tuple[tuple[float, ...], list[list[_Slot]]]:
    """Divide the picture into boards, and each board into rows of equally large slots."""
    low, high = recipe.scale
    top = -rng.uniform(0, 0.3) * recipe.side
    boards, rows = [], []
    yaw = float(rng.uniform(-0.6, 0.6) * recipe.turn)
    while top < recipe.height:
        side = recipe.side * low * (high / low) ** float(rng.beta(1.2, 1.2))
        board = top + side * rng.uniform(1.35, 1.7)
        if board > recipe.height * 1.02:
            break
        boards.append(float(board))
        left = -rng.uniform(0, 0.3) * side
        rows.append([_Slot(left, board, side, yaw)])
        top = board + side * 0.08
    return tuple(boards), rows


def _fill_shelf(
    stage: _Stage, rows: list[list[_Slot]], labels: list[int], rng: Generator, counts: tuple[int, int]
) -> None:
    """Set runs of equal products on the boards until the counts (labelled, others) are used."""
    recipe, (wanted, spare) = stage.recipe, counts
    plans = []
    for row in rows:
        left, slot = row[0].left, row[0]
        while left < recipe.width:
            label = int(rng.choice(labels))
            stranger = rng.random() < 0.2
            design = _random_distractor(recipe, rng) if stranger else recipe_design(recipe, label)
            aspect = math.sqrt(design.silhouette.aspect)
            size = slot.side * rng.uniform(0.92, 1.08)
            height = min(size / aspect, slot.side * 1.4)
            width = height * design.silhouette.aspect
            for _ in range(int(rng.integers(1, 4))):
                tilt = rng.normal(0, 0.12) if rng.random() < 0.85 else rng.uniform(-0.8, 0.8)
                centre = (left + width / 2, slot.board - height / 2)
                pose = Pose(
                    centre, width, height, float(tilt * recipe.tilt), float(rng.normal(0, 3)), slot.yaw
                )
                plans.append((-1 if stranger else label, design, pose))
                left += width * rng.uniform(0.82, 1.12)
    for position in rng.permutation(len(plans)):
        label, design, pose = plans[position]
        room = spare > 0 if label < 0 else wanted > stage.labelled
        if room and stage.place(label, design, pose):
            spare -= label < 0
