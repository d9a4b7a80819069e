"""Drawn shelf scenes: seeded pictures with exact boxes for demos, tests and training."""

from handful.data.synthetic.benchmark import NOVEL_TEST
from handful.data.synthetic.layout import PlacedObject, SceneLayout, scene_layout
from handful.data.synthetic.recipe import ShelfRecipe
from handful.data.synthetic.shelves import class_photo, class_picture, draw_scene, draw_shelves

__all__ = [
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
