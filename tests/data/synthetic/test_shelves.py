import pickle
from dataclasses import replace

import numpy
import pytest
import torch

from handful.data.synthetic import (
    ShelfRecipe,
    class_photo,
    class_picture,
    draw_scene,
    draw_shelves,
    scene_layout,
)
from handful.errors import ConfigError

RECIPE = ShelfRecipe(seed=9, scenes=3, width=320, height=240, classes=12, objects=(5, 9), side=60)


def pixels(picture):
    return numpy.asarray(picture).astype(int)


def test_the_same_recipe_gives_the_same_pixels_and_boxes():
    first, second = draw_shelves(RECIPE), draw_shelves(replace(RECIPE))
    scene_layout.cache_clear()
    assert torch.equal(first.table.boxes, second.table.boxes)
    assert first.outlines == second.outlines
    assert first[1][0].tobytes() == second[1][0].tobytes()


@pytest.mark.parametrize("change", [{"seed": 10}, {"part": "novel"}])
def test_another_seed_or_part_gives_other_scenes(change):
    first, other = draw_shelves(RECIPE), draw_shelves(replace(RECIPE, **change))
    assert first.table.boxes.tolist() != other.table.boxes.tolist()
    assert not set(first.class_names) & set(other.class_names)
    assert numpy.abs(pixels(first[0][0]) - pixels(other[0][0])).mean() > 10


def test_styles_change_the_light_and_nothing_else():
    day, fog, night = (draw_shelves(replace(RECIPE, style=s)) for s in ("day", "fog", "night"))
    assert torch.equal(day.table.boxes, fog.table.boxes)
    assert torch.equal(day.table.boxes, night.table.boxes)
    light = [pixels(ds[0][0]) for ds in (day, fog, night)]
    assert light[2].mean() < light[0].mean()
    assert light[1].std() < light[0].std()


def test_pictures_have_the_promised_size_and_are_drawn_when_read():
    dataset = draw_shelves(RECIPE)
    assert len(dataset) == 3
    picture, targets = dataset[2]
    assert (picture.size, picture.mode) == ((320, 240), "RGB")
    assert targets.image_size == (240, 320)
    assert callable(dataset.pictures[0].source)
    source = pickle.loads(pickle.dumps(dataset.pictures[2].source))  # noqa: S301
    assert source().tobytes() == picture.tobytes()


def test_boxes_lie_in_the_picture_and_hold_their_polygons():
    dataset = draw_shelves(RECIPE)
    assert dataset.outlines is not None
    assert len(dataset.outlines) == len(dataset.table)
    for box, polygons in zip(dataset.table.boxes.tolist(), dataset.outlines, strict=True):
        assert 0 <= box[0] < box[2] <= 320
        assert 0 <= box[1] < box[3] <= 240
        assert polygons
        for flat in polygons:
            points = numpy.array(flat).reshape(-1, 2)
            assert len(points) >= 3
            assert (points >= numpy.array(box[:2]) - 1e-3).all()
            assert (points <= numpy.array(box[2:]) + 1e-3).all()


def test_the_table_repeats_the_layout():
    dataset = draw_shelves(RECIPE, polygons=False)
    assert dataset.outlines is None
    for index in range(3):
        objects = [p for p in scene_layout(RECIPE, index).objects if p.label >= 0]
        targets = dataset.targets(index)
        assert targets.labels.tolist() == [p.label for p in objects]
        boxes = torch.tensor([p.box(320, 240) for p in objects])
        assert torch.allclose(targets.boxes, boxes)


def test_objects_are_painted_where_the_table_says():
    crowded = pixels(draw_scene(RECIPE, 0))
    dataset = draw_shelves(RECIPE)
    x1, y1, x2, y2 = (int(v) for v in dataset.targets(0).boxes[-1])
    moved = pixels(draw_scene(replace(RECIPE, first_class=120), 0))
    changed = numpy.abs(crowded - moved).max(2) > 25
    assert changed[y1:y2, x1:x2].mean() > 0.2


def test_every_class_has_one_example_of_its_shape():
    dataset = draw_shelves(RECIPE)
    assert [e.name for e in dataset.examples] == list(dataset.class_names)
    for label, example in enumerate(dataset.examples):
        assert callable(example.image)
        picture = example.image()
        assert max(picture.size) == 240
        assert picture.tobytes() == class_picture(RECIPE, label).tobytes()


def test_examples_can_be_photographs():
    clean, photos = draw_shelves(RECIPE), draw_shelves(RECIPE, photos=True)
    source, photo = clean.examples[0].image, photos.examples[0].image
    assert callable(source)
    assert callable(photo)
    assert photo().tobytes() == class_photo(RECIPE, 0).tobytes()
    assert photo().tobytes() != source().tobytes()
    assert class_photo(RECIPE, 0, variant=1).tobytes() != photo().tobytes()
    assert 100 < max(class_photo(RECIPE, 3, side=150).size) < 195


def test_a_class_looks_the_same_in_every_recipe_that_has_it():
    later = replace(RECIPE, first_class=6, classes=3)
    assert draw_shelves(later).class_names[0] == draw_shelves(RECIPE).class_names[6]
    shared = pixels(class_picture(RECIPE, 6)), pixels(class_picture(later, 0))
    assert numpy.median(numpy.abs(shared[0] - shared[1])) == 0


@pytest.mark.parametrize("label", [-1, 12])
def test_an_unknown_class_is_refused(label):
    with pytest.raises(ConfigError, match="0 to 11"):
        class_picture(RECIPE, label)


def test_no_scenes_make_an_empty_set():
    dataset = draw_shelves(replace(RECIPE, scenes=0))
    assert (len(dataset), len(dataset.table), len(dataset.class_names)) == (0, 0, 12)
