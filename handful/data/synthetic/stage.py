"""Placing objects on each other: who hides whom, and how much of each is still seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy
from PIL import Image, ImageDraw

from handful.data.dataset import Polygons
from handful.data.synthetic.contours import mask_polygons, polygon_area
from handful.data.synthetic.designs import Design
from handful.data.synthetic.projection import UNIT_SQUARE, Pose, pose_homography, project
from handful.data.synthetic.recipe import ShelfRecipe

Window = tuple[slice, slice]

MOST_CORE_HIDDEN = 0.5
"""Largest hidden part of the middle of a labelled front, which tells look-alikes apart."""
_CORE = UNIT_SQUARE * 0.7 + 0.15
_SLACK = 0.01


@dataclass(frozen=True)
class PlacedObject:
    """One object of a scene.

    label: of the recipe's class table, -1 for a distractor. homography: 3 x 3, from the unit
    square of the class picture to scene pixels. quad: ``[4, 2]`` its corners, from the top left
    one clockwise; outline: ``[N, 2]`` its silhouette, both whole and perhaps outside the picture.
    visible: part of the silhouette that is seen. polygons: the seen parts, where asked for.
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


class Stage:
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
