"""Scenes that stay as they are, so that figures from different days can be compared."""

from __future__ import annotations

from handful.data.synthetic.recipe import ShelfRecipe

NOVEL_TEST = ShelfRecipe(
    seed=2024,
    scenes=40,
    width=800,
    height=600,
    classes=36,
    part="novel",
    look_alike=3,
    objects=(10, 18),
    side=115,
)
"""36 unseen classes in look-alike families of three; scale 0.5 to 2, tilt 25°, occlusion 40 %."""

BASE_SHELVES = ShelfRecipe(
    seed=21, scenes=1200, width=512, height=384, side=88, classes=60, objects=(6, 12)
)
"""Sixty classes in look-alike families of three, drawn at the size at which small models learn."""

BASE_OF_MANY_SIZES = ShelfRecipe(
    seed=31,
    scenes=1200,
    width=512,
    height=384,
    classes=60,
    side=64,
    scale=(0.25, 4.0),
    objects=(5, 10),
    settings=("table", "pile", "wall"),
)
"""Sixty other classes whose objects are 16 to 256 pixels long; no shelves, whose rows hold things
of one size."""
