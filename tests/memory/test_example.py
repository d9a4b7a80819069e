"""Taking an example out of a larger picture."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
from PIL import Image

from handful.errors import DataError
from handful.memory import example_picture
from handful.memory.example import pixel_box
from handful.structures import Exemplar


def picture() -> Image.Image:
    pixels = numpy.zeros((60, 80, 3), dtype=numpy.uint8)
    pixels[10:30, 20:50] = (200, 100, 50)
    return Image.fromarray(pixels)


def test_the_box_is_cut_out() -> None:
    crop = example_picture(Exemplar("a", picture(), (20, 10, 50, 30)))
    assert crop.size == (30, 20)
    assert crop.getextrema() == ((200, 200), (100, 100), (50, 50))


def test_without_a_box_the_whole_picture_is_the_example() -> None:
    assert example_picture(Exemplar("a", picture())).size == (80, 60)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 80, 60), (0, 0, 80, 60)),
        ((10.4, 10.6, 20.4, 20.6), (10, 11, 20, 21)),
        ((-0.8, -0.3, 80.9, 60.5), (0, 0, 80, 60)),
        ((10.1, 10.1, 10.2, 10.2), (10, 10, 11, 11)),
        ((79.6, 59.6, 80, 60), (79, 59, 80, 60)),
    ],
)
def test_boxes_become_whole_pixels_inside(box, expected) -> None:
    assert pixel_box(box, (80, 60)) == expected


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ((10, 10, 10, 20), "no area"),
        ((10, 20, 20, 20), "no area"),
        ((30, 10, 20, 20), "no area"),
        ((100, 10, 120, 20), "outside"),
        ((-30, -30, -10, -10), "outside"),
        ((60, 40, 90, 59), "outside"),
        ((float("nan"), 0, 5, 5), "four numbers"),
        ((0, 0, float("inf"), 5), "four numbers"),
        ((0, 0, 5), "four numbers"),
    ],
)
def test_impossible_boxes_are_refused(box, message: str, tmp_path: Path) -> None:
    picture().save(tmp_path / "shelf.png")
    with pytest.raises(DataError, match=message) as error:
        example_picture(Exemplar("a", tmp_path / "shelf.png", box))
    assert "shelf.png" in str(error.value)


def test_an_example_that_is_too_small_is_refused() -> None:
    with pytest.raises(DataError, match="too small.*5 x 20"):
        example_picture(Exemplar("a", picture(), (0, 0, 5, 20)), smallest=8)
