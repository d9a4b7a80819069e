from __future__ import annotations

import random

import torch
from PIL import Image

from handful.methods.os2d.crops import (
    CUT_OFF,
    CropRecipe,
    crop_image,
    crop_targets,
    random_window,
    whole_window,
)
from handful.structures import Targets

RECIPE = CropRecipe(patch_size=(50, 100))


def test_objects_mostly_outside_become_background_and_halves_difficult() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [95, 0, 105, 10], [98, 0, 108, 10]])
    targets = Targets.of(boxes, torch.tensor([4, 5, 6]), (100, 200))
    patch = crop_targets(targets, (0, 0, 100, 100), RECIPE)
    assert patch.labels.tolist() == [4, 5, CUT_OFF]
    assert patch.difficult.tolist() == [False, True, True]
    assert patch.boxes[1].tolist() == [47.5, 0.0, 52.5, 10.0]
    assert patch.image_size == (100, 50)


def test_patch_shows_the_window_and_black_beyond() -> None:
    image = Image.new("RGB", (100, 100), "white")
    patch = crop_image(image, (50, 0, 150, 100), RECIPE)
    assert patch.size == (50, 100)
    assert patch.getpixel((5, 50)) == (255, 255, 255)
    assert patch.getpixel((45, 50)) == (0, 0, 0)


def test_windows_are_whole_pixels_inside_the_start() -> None:
    assert whole_window((10.9, 20.2, 30.9, 60.2)) == (10, 20, 30, 60)
    assert whole_window((-7.0, 5.0, 13.0, 25.0)) == (0, 5, 20, 25)


def test_random_windows_show_an_object_and_repeat_with_the_seed() -> None:
    box = torch.tensor([[300.0, 300, 340, 340]])
    windows = [
        random_window(box, (400, 400), scale=1.0, recipe=RECIPE, rng=random.Random(seed))
        for seed in (0, 0, 1, 2, 3)
    ]
    assert windows[0] == windows[1]
    assert len(set(windows)) > 2
    for left, top, right, bottom in windows:
        assert left < 340 and right > 300 and top < 340 and bottom > 300
        assert 0 <= left < right <= 400 and 0 <= top < bottom <= 400


def test_an_object_that_never_fits_gives_the_corner() -> None:
    box = torch.tensor([[0.0, 0, 4000, 4000]])
    options = {"scale": 0.5, "recipe": RECIPE, "rng": random.Random(0)}
    assert random_window(box, (4000, 4000), **options) == (0, 0, 100, 200)
