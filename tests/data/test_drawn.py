from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy
import pytest

import handful.data.drawn as drawn
from handful.data.drawn import drawn_scenes
from handful.data.synthetic import ShelfRecipe, draw_shelves

RECIPE = ShelfRecipe(scenes=3, width=96, height=64, classes=3, side=24, objects=(2, 3))


def test_scenes_are_drawn_once_and_other_recipes_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[ShelfRecipe] = []

    def counted(recipe: ShelfRecipe, *, polygons: bool) -> object:
        calls.append(recipe)
        return draw_shelves(recipe, polygons=polygons)

    monkeypatch.setattr(drawn, "draw_shelves", counted)
    first = drawn_scenes(RECIPE, tmp_path)
    again = drawn_scenes(RECIPE, tmp_path)
    assert calls == [RECIPE]
    assert len(first) == len(again) == 3
    direct = draw_shelves(RECIPE, polygons=False)
    assert first.class_names == direct.class_names
    for one, other in zip(first.pictures, direct.pictures, strict=True):
        assert numpy.array_equal(numpy.asarray(one.read()), numpy.asarray(other.read()))
    assert len(drawn_scenes(RECIPE, tmp_path, numbers=[2, 0])) == 2
    assert drawn_scenes(replace(RECIPE, seed=9), tmp_path).pictures[0].read() is not None
    assert len(calls) == 3
