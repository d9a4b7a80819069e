"""Drawn scenes as a data set: lazily painted pictures over a table that is known at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy
from PIL import Image, ImageChops, ImageFilter

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.synthetic.backgrounds import draw_background
from handful.data.synthetic.camera import Lens, photograph
from handful.data.synthetic.fronts import paint_front
from handful.data.synthetic.layout import recipe_design, scene_generator, scene_layout
from handful.data.synthetic.projection import Pose, pose_homography, project, warp
from handful.data.synthetic.recipe import ShelfRecipe
from handful.data.synthetic.stage import PlacedObject
from handful.errors import ConfigError
from handful.structures import Exemplar

Generator = numpy.random.Generator


def draw_shelves(recipe: ShelfRecipe, *, polygons: bool = True, photos: bool = False) -> Dataset:
    """Return the scenes of ``recipe``; boxes are known at once, pixels are drawn when read.

    A box bounds the whole outline of an object inside the picture, hidden parts included; its
    polygons bound what is seen. Objects of which more than ``recipe.max_occlusion`` is hidden
    or cut off are never placed. ``polygons=False`` skips their tracing; ``photos=True`` gives
    photograph-like examples (``class_photo``) instead of clean ones (``class_picture``).
    """
    names = tuple(class_name(recipe, label) for label in range(recipe.classes))
    owner, boxes, labels, outlines = [], [], [], []
    for index in range(recipe.scenes):
        for placed in scene_layout(recipe, index, polygons=polygons).objects:
            if placed.label >= 0:
                owner.append(index)
                boxes.append(placed.box(recipe.width, recipe.height))
                labels.append(placed.label)
                outlines.append(placed.polygons)
    pictures = tuple(
        Picture(
            id=index + 1,
            file_name=f"{recipe.part}-{recipe.seed}-{index:05d}.png",
            width=recipe.width,
            height=recipe.height,
            source=partial(draw_scene, recipe, index),
        )
        for index in range(recipe.scenes)
    )
    example = class_photo if photos else class_picture
    return Dataset(
        name=f"shelves-{recipe.part}-{recipe.seed}-{recipe.style}",
        pictures=pictures,
        table=BoxTable.of(owner, boxes, labels),
        class_names=names,
        examples=tuple(
            Exemplar(name=name, image=partial(example, recipe, label))
            for label, name in enumerate(names)
        ),
        outlines=tuple(outlines) if polygons else None,
    )


def class_name(recipe: ShelfRecipe, label: int) -> str:
    """Return the name of class ``label``, the same in every recipe that has it."""
    return f"{recipe.part}-{recipe.seed}-{recipe.first_class + label:04d}"


def draw_scene(recipe: ShelfRecipe, index: int) -> Image.Image:
    """Return scene ``index`` as an RGB picture."""
    layout = scene_layout(recipe, index)
    rng = scene_generator(recipe, index, 1)
    canvas = draw_background((recipe.width, recipe.height), rng, layout.boards)
    shadow = _Shadow.random(rng)
    for placed in layout.objects:
        _put(canvas, placed, shadow, rng)
    return photograph(canvas, rng, Lens(recipe.blur, recipe.noise), style=recipe.style)


def class_picture(recipe: ShelfRecipe, label: int, *, side: int = 240) -> Image.Image:
    """Return the clean front of class ``label``, tightly cropped, its longer side ``side``.

    Its corners are those of the unit square that ``PlacedObject.homography`` starts from;
    around a silhouette that is not a rectangle the ground is plain.
    """
    front = _front(recipe, label)
    ratio = side / max(front.size)
    size = (max(1, round(front.width * ratio)), max(1, round(front.height * ratio)))
    rng = numpy.random.default_rng((recipe.seed, label, 2))
    ground = int(rng.choice([255, 235, 128, 60]))
    plain = Image.new("RGB", front.size, (ground, ground, ground))
    plain.paste(front, (0, 0), front)
    return plain.resize(size, Image.Resampling.LANCZOS)


def class_photo(
    recipe: ShelfRecipe, label: int, *, variant: int = 0, side: int = 240
) -> Image.Image:
    """Return class ``label`` as a photograph cropped to its box: a slight turn, light, ground.

    ``variant`` picks among endlessly many; the longer side is about ``side`` pixels.
    """
    rng = numpy.random.default_rng((recipe.seed, recipe.first_class + label, variant, 3))
    aspect = recipe_design(recipe, label).silhouette.aspect
    width, height = side * min(1.0, aspect), side * min(1.0, 1 / aspect)
    canvas_size = (round(width * 1.3), round(height * 1.3))
    tilt, pitch, yaw = rng.uniform(-1, 1, 3) * (6, 15, 15)
    centre = (canvas_size[0] / 2, canvas_size[1] / 2)
    matrix = pose_homography(Pose(centre, width, height, tilt, pitch, yaw))
    design = recipe_design(recipe, label)
    outline = project(matrix, design.silhouette.points)
    placed = PlacedObject(label, design, matrix, outline, outline)
    canvas = draw_background(canvas_size, rng)
    _put(canvas, placed, _Shadow.random(rng), rng)
    photo = photograph(
        canvas, rng, Lens(recipe.blur * 0.6, recipe.noise * 0.6, 60), style=recipe.style
    )
    x1, y1, x2, y2 = placed.box(*canvas_size)
    return photo.crop((round(x1), round(y1), round(x2), round(y2)))


def _front(recipe: ShelfRecipe, label: int) -> Image.Image:
    if not 0 <= label < recipe.classes:
        raise ConfigError(
            "no such class in the recipe", got=label, expected=f"0 to {recipe.classes - 1}"
        )
    return paint_front(recipe_design(recipe, label))


@dataclass(frozen=True)
class _Shadow:
    """The shadows of one scene, which all fall the same way."""

    offset: tuple[float, float]
    blur: float
    strength: float

    @classmethod
    def random(cls, rng: Generator) -> _Shadow:
        reach = rng.uniform(0, 9)
        angle = rng.uniform(0, 2 * numpy.pi)
        offset = (float(reach * numpy.cos(angle)), float(reach * numpy.sin(angle)))
        return cls(offset, float(rng.uniform(1, 7)), float(rng.uniform(0, 0.75)))

    def cast(self, canvas: Image.Image, mask: Image.Image, corner: tuple[int, int]) -> None:
        """Darken ``canvas`` around an object whose ``mask`` lies at ``corner``."""
        if self.strength < 0.08:
            return
        margin = round(self.blur * 2 + 2)
        wide = Image.new("L", (mask.width + 2 * margin, mask.height + 2 * margin))
        wide.paste(mask.point(lambda v: v * self.strength), (margin, margin))
        wide = wide.filter(ImageFilter.BoxBlur(self.blur))
        place = (
            corner[0] - margin + round(self.offset[0]),
            corner[1] - margin + round(self.offset[1]),
        )
        canvas.paste((0, 0, 0), place, wide)


def _put(canvas: Image.Image, placed: PlacedObject, shadow: _Shadow, rng: Generator) -> None:
    """Composite one object with its own light and gloss, over its shadow."""
    low = numpy.floor(placed.outline.min(0)).astype(int) - 1
    high = numpy.ceil(placed.outline.max(0)).astype(int) + 1
    low, high = low.clip(-2, canvas.size), high.clip(0, (canvas.width + 2, canvas.height + 2))
    if (high - low).min() < 2:
        return
    window = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    picture = warp(paint_front(placed.design), placed.homography, window)
    mask = picture.getchannel("A")
    shadow.cast(canvas, mask, window[:2])
    lit = _light(picture.convert("RGB"), rng)
    canvas.paste(lit, window[:2], mask)


def _light(picture: Image.Image, rng: Generator) -> Image.Image:
    """Grade the brightness across an object, sometimes with a band of gloss."""
    width, height = picture.size
    x = numpy.linspace(-1, 1, width, dtype=numpy.float32)[None]
    y = numpy.linspace(-1, 1, height, dtype=numpy.float32)[:, None]
    slope = rng.uniform(-0.18, 0.18, 2)
    gain = rng.uniform(0.75, 1.1) + slope[0] * x + slope[1] * y
    bright = Image.fromarray(numpy.clip(gain * 128, 0, 255).astype(numpy.uint8))
    doubled = Image.merge("RGB", [bright] * 3)
    lit = ImageChops.overlay(picture, doubled) if rng.random() < 0.2 else _scaled(picture, gain)
    if rng.random() < 0.25:
        angle, at, wide = rng.uniform(0, numpy.pi), rng.uniform(-0.8, 0.8), rng.uniform(0.08, 0.4)
        band = numpy.exp(-(((x * numpy.cos(angle) + y * numpy.sin(angle) - at) / wide) ** 2))
        strength = numpy.clip(band * rng.uniform(40, 150), 0, 255).astype(numpy.uint8)
        lit.paste((255, 255, 255), (0, 0), Image.fromarray(strength))
    return lit


def _scaled(picture: Image.Image, gain: numpy.ndarray) -> Image.Image:
    pixels = numpy.asarray(picture, dtype=numpy.float32) * gain[..., None]
    return Image.fromarray(numpy.clip(pixels, 0, 255).astype(numpy.uint8))
