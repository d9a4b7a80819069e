from __future__ import annotations

from pathlib import Path

import pytest

from handful.data.splits.divisions import class_division
from handful.errors import ConfigError
from handful.methods.mpsr.recipes import coco_recipe, voc_recipe
from handful.recipes.registry import build_recipe, read_recipe, save_recipe
from handful.recipes.tree import override


@pytest.mark.parametrize("shots", [1, 2, 3, 5, 10])
@pytest.mark.parametrize("split", [1, 2, 3])
def test_novel_stages_on_voc_know_all_classes_base_first(split, shots):
    recipe = voc_recipe(split, "novel", shots)
    assert recipe.model.class_names == class_division(f"voc{split}").everything
    assert (recipe.data.repeat is not None) == (shots in (1, 5, 10))
    assert not recipe.model.roi_aligned
    assert (recipe.init, recipe.model.classifier_spread) == ("remove", 0.001)
    assert (recipe.evaluate.protocol, recipe.evaluate.metric) == ("voc07-mmdet", "nAP50")


@pytest.mark.parametrize(
    ("recipe", "classes", "aligned", "bias", "smallest"),
    [
        (voc_recipe(2), 15, True, 2.0, 0.0),
        (voc_recipe(2, starting_point="authors"), 15, False, 2.0, 0.0),
        (coco_recipe(), 60, True, 1.0, 8.0),
        (coco_recipe(starting_point="authors"), 60, False, 2.0, 8.0),
        (coco_recipe("novel", 10), 80, True, 1.0, 8.0),
        (coco_recipe("novel", 30), 80, True, 1.0, 8.0),
    ],
)
def test_settings_follow_family_stage_and_code_base(recipe, classes, aligned, bias, smallest):
    assert recipe.model.class_count == classes
    assert recipe.model.roi_aligned == aligned
    assert recipe.train.bias_lr == bias
    assert recipe.train.bias_decay == (0.0 if bias > 1 else None)
    assert recipe.refinement.smallest == smallest
    assert recipe.train.batch // recipe.train.accumulate == 2


def test_a_base_by_the_authors_is_trained_as_they_did():
    authors, usual = voc_recipe(starting_point="authors"), voc_recipe()
    assert (authors.model.init, authors.model.box_rule) == ("authors", "authors")
    assert (usual.model.init, usual.model.box_rule) == ("mmfewshot", "mmfewshot")
    assert (authors.data.drop_novel, usual.data.drop_novel) == (True, False)


def test_the_novel_stage_counts_boxes_as_mmfewshot_whoever_trained_the_base():
    recipe = voc_recipe(1, "novel", 5, starting_point="authors")
    assert recipe.starting_point == "authors"
    assert recipe.model.box_rule == "mmfewshot"


@pytest.mark.parametrize(
    ("name", "choices", "words"),
    [
        ("mpsr/voc", {"stage": "base", "shots": "3"}, "base stage trains on all boxes"),
        ("mpsr/voc", {"stage": "novel"}, "no published schedule"),
        ("mpsr/coco", {"stage": "novel", "shots": "5"}, "expected 10 30"),
        ("mpsr/voc", {"starting_point": "detectron"}, "starting_point"),
        ("mpsr/voc", {"setting": "fsod"}, "no such choice"),
    ],
)
def test_what_nobody_published_is_refused(name, choices, words):
    with pytest.raises(ConfigError, match=words):
        build_recipe(name, choices)


def test_a_recipe_is_read_from_its_file(tmp_path):
    recipe = override(
        voc_recipe(2, "novel", 5, 3, data_root=Path("sets")), {"refinement.objects": "0"}
    )
    save_recipe(tmp_path / "recipe.json", "mpsr/voc", recipe)
    assert read_recipe(tmp_path / "recipe.json") == ("mpsr/voc", recipe)
