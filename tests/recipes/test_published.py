from __future__ import annotations

from typing import Any

import pytest

from handful import api
from handful.errors import ConfigError
from handful.recipes.published import Published, publish, results_table


def test_every_published_result_names_choices_from_which_its_recipe_is_built():
    results = api.published()
    assert {one.recipe for one in results} >= {"mpsr/voc", "mpsr/coco", "defrcn/voc", "defrcn/coco"}
    for one in results:
        recipe: Any = api.recipe(one.recipe, choices=one.choices)
        known = {"bAP50", "nAP50", "bAP", "nAP", "AP", "segm_AP", "MR-2", "recall"}
        assert set(one.figures) <= known
        assert recipe.evaluate.metric in one.figures


def test_all_settings_of_mpsr_have_a_figure():
    names = [one.recipe for one in api.published()]
    assert names.count("mpsr/voc") == 6 + 15 and names.count("mpsr/coco") == 3


def test_a_row_of_the_table_says_what_is_run_and_what_came_out():
    row = Published("mpsr/voc", {"split": 2, "shots": 3}, {"nAP50": 40.6}, "somebody", "its loss")
    last = results_table([row]).splitlines()[-1]
    assert last == "| `mpsr/voc` | `split` 2, `shots` 3 | nAP50 40.6 | somebody | its loss |"


@pytest.mark.parametrize(("recipe", "choices"), [("mpsr/voc", {"sets": 1}), ("mpsr/x", {})])
def test_results_of_nothing_that_can_be_run_are_refused(recipe, choices):
    api.recipes()
    with pytest.raises(ConfigError):
        publish([Published(recipe, choices, {"AP": 1.0}, "nobody", "")])
