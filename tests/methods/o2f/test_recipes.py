from dataclasses import replace

import pytest
import torch

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.errors import ConfigError
from handful.methods.o2f.lite import LITE_CONFIG
from handful.methods.o2f.pictures import learnable
from handful.methods.o2f.recipes import coco_recipe
from handful.recipes.registry import build_recipe, read_recipe, save_recipe
from handful.recipes.tree import override

EPOCH, CROWD_EPOCH = 7330, 938


@pytest.mark.parametrize(
    ("choices", "trunk", "epochs", "short", "warmup", "checkpoint"),
    [
        ({}, "resnet50", 12, (800, 800), 1000, 2),
        ({"schedule": "3x"}, "resnet50", 36, (640, 800), 1000, 9),
        ({"backbone": "r101"}, "resnet101", 12, (800, 800), 1000, 2),
        ({"backbone": "r101", "schedule": "3x"}, "resnet101", 36, (640, 800), 1000, 9),
        ({"backbone": "swin_t"}, "swin_t", 12, (800, 800), 1000, 2),
        ({"backbone": "swin_t", "schedule": "3x"}, "swin_t", 36, (640, 800), 1000, 6),
        ({"masks": "true"}, "resnet50", 12, (800, 800), 500, 1),
        ({"masks": "true", "schedule": "3x"}, "resnet50", 36, (640, 800), 500, 9),
    ],
)
def test_coco_follows_the_published_table(choices, trunk, epochs, short, warmup, checkpoint):
    recipe = build_recipe("o2f/coco", choices)
    model, train, masks = recipe.model, recipe.train, "masks" in choices
    assert (model.trunk, model.masks, model.class_count) == (trunk, masks, 80)
    assert (model.points_per_object, model.box_weight) == (7, 1.0 if masks else 2.0)
    assert (model.candidates_per_level, model.score_threshold, model.max_detections) == (
        1000,
        0.05,
        100,
    )
    assert (model.test_size, model.nms_iou, model.freeze_at) == ((800, 1333), None, 2)
    assert (recipe.epochs, recipe.augmentation.short) == (epochs, short)
    assert (recipe.augmentation.longest, recipe.augmentation.flip) == (1333, 0.5)
    assert (train.batch, train.steps, train.warmup) == (16, epochs * EPOCH, warmup)
    drops = (8, 11) if epochs == 12 else (24, 33)
    assert train.milestones == tuple(EPOCH * drop for drop in drops)
    assert (train.evaluate_every, train.checkpoint_every) == (EPOCH, checkpoint * EPOCH)
    assert (train.clip, train.ema, train.precision, train.warmup_factor) == (None, None, "32", 1e-3)
    swin = trunk == "swin_t"
    expected = ("adamw", 1e-4, 0.05) if swin else ("sgd", 0.01, 1e-4)
    assert (train.optimizer, train.lr, train.weight_decay) == expected
    assert recipe.evaluate.metric == ("segm_AP" if masks else "AP")


def test_crowdhuman_follows_the_published_table():
    recipe = build_recipe("o2f/crowdhuman")
    model, train = recipe.model, recipe.train
    assert (model.class_names, model.points_per_object) == (("person",), 4)
    assert (model.candidates_per_level, model.max_detections) == (5000, 500)
    assert model.test_size == (800, 1400)
    assert (recipe.augmentation.longest, recipe.augmentation.short) == (1400, (480, 960))
    assert (recipe.epochs, train.steps) == (50, 50 * CROWD_EPOCH)
    assert (train.milestones, train.checkpoint_every) == ((40 * CROWD_EPOCH,), 10 * CROWD_EPOCH)
    assert (train.optimizer, train.lr, train.weight_decay) == ("adamw", 4e-5, 1e-4)
    assert (train.norm_decay, train.bias_decay, train.undecayed) == (None, None, ())
    assert recipe.evaluate.rules == "crowdhuman"


def test_the_rate_follows_the_batch_and_steps_the_pictures():
    recipe = build_recipe("o2f/coco", {"batch": "4", "pictures": "10"})
    assert recipe.train.lr == pytest.approx(0.01 / 4)
    assert (recipe.train.steps, recipe.train.milestones) == (12 * 3, (8 * 3, 11 * 3))


@pytest.mark.parametrize("name", ["o2f/coco", "o2f/crowdhuman", "o2f-lite"])
def test_a_recipe_is_read_from_its_file(tmp_path, name):
    recipe = override(build_recipe(name), {"train.lr": "0.003"})
    save_recipe(tmp_path / "recipe.json", name, recipe)
    assert read_recipe(tmp_path / "recipe.json") == (name, recipe)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"backbone": "r34"}, "backbone"),
        ({"batch": "0"}, "batch.*got 0"),
        ({"pictures": "0"}, "no pictures"),
    ],
)
def test_choices_that_make_no_sense_are_refused(choices, message):
    with pytest.raises(ConfigError, match=message):
        build_recipe("o2f/coco", choices)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.channels": 100}, "channels.*multiple of group_count 32"),
        ({"model.quality_channels": 32}, "quality_channels.*not 32 itself"),
        ({"model.points_per_object": 0}, "points_per_object"),
        ({"model.soft_first": 1.5}, "soft_first"),
        ({"model.nms_iou": 2.0}, "nms_iou"),
        ({"augmentation.flip": 2.0}, "flip"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        override(coco_recipe(), changes)


def test_the_small_one_learns_from_drawn_shelves():
    recipe = build_recipe("o2f-lite", {"scenes": "7"})
    assert (recipe.model.class_count, recipe.shelves.classes, recipe.shelves.scenes) == (60, 60, 7)
    assert replace(recipe.model, class_names=()) == LITE_CONFIG


def test_what_teaches_nothing_is_left_out():
    sizes = [(100, 80), (100, 80), (31, 200), (60, 60), (90, 40)]
    pictures = tuple(
        Picture(number + 1, f"{number}.png", width, height, "none.png")
        for number, (width, height) in enumerate(sizes)
    )
    rows = [0, 0, 0, 2, 3, 4]
    boxes = [(0, 0, 9, 9), (0, 0, 0.9, 9), (0, 0, 9, 1), (0, 0, 9, 9), (0, 0, 9, 9), (5, 5, 9, 5.5)]
    crowd = [False, False, False, False, True, False]
    table = BoxTable.of(rows, boxes, [0] * 6, crowd=crowd)
    left = learnable(Dataset("drawn", pictures, table, ("a",)))
    assert [one.file_name for one in left.pictures] == ["0.png", "3.png", "4.png"]
    assert left.table.picture.tolist() == [0, 0, 1]
    assert left.table.crowd.tolist() == [False, False, True]
    assert torch.equal(left.table.boxes[1], torch.tensor([0.0, 0, 9, 1]))
