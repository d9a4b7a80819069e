"""Drawn shelf scenes: seeded pictures with exact boxes for demos, tests and training.

A ``ShelfRecipe`` says everything; ``draw_shelves`` turns it into a ``Dataset`` whose table is
known at once and whose pixels are drawn when read. Read on from ``recipe`` (what can be asked
for) over ``layout`` (what stands where) and ``fronts`` (what a class looks like) to ``shelves``
(how a scene is put together). Pixels and tables are fixed by the recipe: ``NOVEL_TEST`` must
stay as it is, or figures measured on it can no longer be compared.
"""

from handful.data.synthetic.benchmark import BASE_OF_MANY_SIZES, BASE_SHELVES, NOVEL_TEST
from handful.data.synthetic.layout import SceneLayout, scene_layout
from handful.data.synthetic.recipe import ShelfRecipe
from handful.data.synthetic.shelves import class_photo, class_picture, draw_scene, draw_shelves
from handful.data.synthetic.stage import PlacedObject

__all__ = [
    "BASE_OF_MANY_SIZES",
    "BASE_SHELVES",
    "NOVEL_TEST",
    "PlacedObject",
    "SceneLayout",
    "ShelfRecipe",
    "class_photo",
    "class_picture",
    "draw_scene",
    "draw_shelves",
    "scene_layout",
]
