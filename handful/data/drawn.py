"""Scenes that are drawn once and read from then on: reading one is many times faster."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from handful.data.dataset import Dataset
from handful.data.formats import read_dataset, write_dataset
from handful.data.synthetic import ShelfRecipe, draw_shelves
from handful.recipes.tree import to_dict
from handful.reporter import Reporter

DIGITS = 8


def drawn_scenes(
    recipe: ShelfRecipe,
    folder: Path,
    *,
    numbers: Iterable[int] | None = None,
    reporter: Reporter | None = None,
) -> Dataset:
    """Return the scenes of ``recipe``, or those of ``numbers``, with boxes alone.

    They lie in ``folder`` under a name that follows from the recipe, and are drawn there unless
    they are there. Raises ``DataError`` if they cannot be written.
    """
    chosen = None if numbers is None else sorted(numbers)
    text = json.dumps([to_dict(recipe), chosen], sort_keys=True)
    name = f"scenes-{hashlib.sha256(text.encode()).hexdigest()[:DIGITS]}"
    file = folder / name / "scenes.json"
    if not file.is_file():
        scenes = draw_shelves(recipe, polygons=False)
        scenes = scenes if chosen is None else scenes.subset(chosen)
        write_dataset(scenes, file, format="coco", reporter=reporter)
    return read_dataset(file)
