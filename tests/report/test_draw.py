from dataclasses import replace

import numpy
import pytest
import torch
from PIL import Image

from handful.errors import DataError
from handful.report.draw import DrawingStyle, class_colour, draw_detections, save_picture
from handful.structures import Detections, Targets

GREY = (128, 128, 128)


def picture(width=400, height=300):
    return Image.new("RGB", (width, height), GREY)


def found(boxes, labels, names=("tea", "milk"), size=(300, 400), scores=None):
    return Detections(
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        torch.tensor(scores or [0.9] * len(labels), dtype=torch.float32),
        torch.tensor(labels, dtype=torch.long),
        size,
        names,
    )


def count(image, colour):
    return int((numpy.asarray(image) == colour).all(-1).sum())


def test_a_box_is_drawn_in_its_class_colour_and_the_original_stays():
    original = picture()
    drawn = draw_detections(original, found([[100, 100, 200, 220]], [1]))
    for place in ((100, 150), (200, 150), (150, 220)):
        assert drawn.getpixel(place) == class_colour(1)
    assert drawn.getpixel((150, 160)) == GREY
    assert count(original, GREY) == 400 * 300


def test_the_label_is_a_filled_plate_with_text_above_the_box():
    drawn = numpy.asarray(draw_detections(picture(), found([[100, 100, 300, 200]], [0])))
    plate = drawn[84:99, 101:140].reshape(-1, 3)
    assert (plate == class_colour(0)).all(-1).mean() > 0.4
    assert (plate.min(-1) > 200).sum() > 20


def test_labels_of_boxes_on_the_same_place_do_not_cover_each_other():
    both = draw_detections(picture(), found([[100, 100, 300, 200]] * 2, [0, 1]))
    for label in (0, 1):
        alone = draw_detections(picture(), found([[100, 100, 300, 200]], [label]))
        outline = 2 * 200 * 4
        assert count(both, class_colour(label)) > count(alone, class_colour(label)) - outline
        assert count(both, class_colour(label)) > 300


def test_targets_are_dashed():
    targets = Targets.of(torch.tensor([[50.0, 50, 350, 250]]), torch.tensor([0]), (300, 400))
    drawn = draw_detections(picture(), found([], []), targets=targets)
    row = [drawn.getpixel((x, 50)) for x in range(60, 340)]
    share = sum(pixel == class_colour(0) for pixel in row) / len(row)
    assert 0.3 < share < 0.7


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (2500, 1800)])
@pytest.mark.parametrize(
    "box", [[-50, -50, 5000, 5000], [0, 0, 0, 0], [3, 3, 1, 1], [9000, 9000, 9001, 9001]]
)
def test_any_picture_and_any_box_can_be_drawn(size, box):
    targets = Targets.of(torch.tensor([box]), torch.tensor([0]), size[::-1])
    drawn = draw_detections(picture(*size), found([box], [0]), targets=targets)
    assert drawn.size == size


def test_lines_grow_with_the_picture():
    def thickness(side):
        box = [side / 4, side / 4, side * 3 / 4, side * 3 / 4]
        drawn = draw_detections(picture(side, side), found([box], [0]))
        column = [drawn.getpixel((side // 2, y)) for y in range(side // 2, side)]
        return sum(pixel == class_colour(0) for pixel in column)

    assert thickness(200) == 2
    assert thickness(2000) == 10


def test_only_the_strongest_are_drawn():
    rows = found([[10, 50, 60, 90], [200, 200, 260, 260]], [0, 1], scores=[0.2, 0.8])
    drawn = draw_detections(picture(), rows, at_most=1)
    assert count(drawn, class_colour(0)) == 0
    assert count(drawn, class_colour(1)) > 0


def test_colours_of_many_classes_are_stable_and_distinct():
    colours = [class_colour(label) for label in range(60)]
    assert len(set(colours)) == 60
    nearest = min(
        sum(abs(a - b) for a, b in zip(one, other, strict=True))
        for index, one in enumerate(colours[:10])
        for other in colours[:index]
    )
    assert nearest > 60


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_pictures_are_saved_as_their_ending_says(tmp_path, ending):
    path = save_picture(picture(), tmp_path / "new" / f"a{ending}")
    with Image.open(path) as image:
        assert image.size == (400, 300)
        assert image.format == {".png": "PNG", ".jpg": "JPEG"}[ending]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["a.txt", "a"])
def test_an_ending_that_is_no_picture_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="not a picture format"):
        save_picture(picture(), tmp_path / name)
    assert not list(tmp_path.iterdir())


def with_masks(detections, *windows):
    masks = torch.zeros(len(windows), *detections.image_size, dtype=torch.bool)
    for mask, (left, top, right, bottom) in zip(masks, windows, strict=True):
        mask[top:bottom, left:right] = True
    return replace(detections, masks=masks)


def test_masks_are_laid_on_half_transparently_the_strongest_on_top():
    boxes, window = [[100, 100, 300, 250]] * 2, (150, 130, 250, 200)
    both = with_masks(found(boxes, [0, 1], scores=[0.9, 0.5]), window, (200, 130, 280, 200))
    drawn = draw_detections(picture(), both, style=DrawingStyle(cover=0.5))
    for place, label in (((160, 140), 0), ((210, 140), 0), ((270, 140), 1)):
        middle = [(value + 128) / 2 for value in class_colour(label)]
        assert numpy.abs(numpy.array(drawn.getpixel(place)) - middle).max() <= 1
    assert drawn.getpixel((120, 220)) == GREY


def test_masks_of_another_picture_are_not_drawn():
    wrong = with_masks(found([[1, 1, 20, 20]], [0], size=(30, 40)), (0, 0, 20, 20))
    with pytest.raises(DataError, match="masks are of another picture.*40 x 30.*400 x 300"):
        draw_detections(picture(), wrong)
