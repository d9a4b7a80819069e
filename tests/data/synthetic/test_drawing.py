"""The parts that fronts and backgrounds are drawn from."""

import numpy
import pytest

from handful.data.synthetic.backgrounds import _MAKERS, draw_background
from handful.data.synthetic.glyphs import DIGITS, LETTERS, Face, fitted_text
from handful.data.synthetic.icons import ICONS, icon_mask
from handful.data.synthetic.outlines import _MAKERS as SILHOUETTES
from handful.data.synthetic.outlines import silhouette_mask
from handful.data.synthetic.patterns import PATTERNS, colour_field, fractal_noise, pattern_field


def rng(seed=0):
    return numpy.random.default_rng(seed)


@pytest.mark.parametrize("kind", PATTERNS)
def test_every_pattern_fills_its_size_within_zero_and_one(kind):
    field = pattern_field(kind, (50, 34), rng())
    assert field.shape == (34, 50)
    assert field.min() >= -1e-6
    assert field.max() <= 1 + 1e-6


def test_noise_spans_zero_to_one_and_follows_its_seed():
    noise = fractal_noise((60, 40), rng(), cells=5)
    assert (noise.min(), noise.max()) == (0, 1)
    assert (noise == fractal_noise((60, 40), rng(), cells=5)).all()
    assert (noise != fractal_noise((60, 40), rng(1), cells=5)).any()


def test_colours_are_spread_over_the_field():
    black, red, white = (numpy.array(c) for c in ((0, 0, 0), (255, 0, 0), (255, 255, 255)))
    row = colour_field(numpy.array([[0.0, 0.5, 1.0]]), [black, red, white])[0]
    assert row.tolist() == [[0, 0, 0], [254, 0, 0], [255, 255, 255]]


@pytest.mark.parametrize("face", [Face(), Face(smooth=2, weight=0.08), Face(strokes=False)])
def test_letters_and_digits_can_be_told_apart_when_small(face):
    for alphabet in (LETTERS, DIGITS):
        masks = [
            numpy.asarray(fitted_text(c, (40, 24), face).resize((24, 24)), dtype=float)
            for c in alphabet
        ]
        apart = [numpy.abs(a - b).mean() for k, a in enumerate(masks) for b in masks[:k]]
        assert min(apart) > 255 * 0.02


@pytest.mark.parametrize("text", ["I", "Wonderful", "0"])
@pytest.mark.parametrize("box", [(12, 8), (100, 20), (30, 90)])
def test_text_fits_its_box(text, box):
    mask = fitted_text(text, box, Face(slant=0.2, stretch=1.3))
    assert mask.width <= box[0]
    assert mask.height <= box[1]
    assert mask.getbbox() is not None


def test_symbols_can_be_told_apart_when_small():
    masks = [numpy.asarray(icon_mask(name, 24), dtype=float) for name in ICONS]
    assert min(numpy.abs(a - b).mean() for k, a in enumerate(masks) for b in masks[:k]) > 4
    assert all(mask.max() > 200 for mask in masks)


@pytest.mark.parametrize("kind", SILHOUETTES)
def test_a_silhouette_touches_all_sides_and_holds_its_panel_middle(kind):
    for seed in range(4):
        shape = SILHOUETTES[kind](rng(seed))
        assert shape.points.min(0) == pytest.approx([0, 0], abs=0.03)
        assert shape.points.max(0) == pytest.approx([1, 1], abs=0.03)
        x1, y1, x2, y2 = shape.panel
        mask = numpy.asarray(silhouette_mask(shape, (100, 100)))
        assert mask[round(50 * (y1 + y2)), round(50 * (x1 + x2))] == 255 or kind == "figure"
        assert 0.3 < mask.mean() / 255 <= 1


@pytest.mark.parametrize("kind", _MAKERS)
def test_every_ground_covers_the_picture(kind):
    picture = _MAKERS[kind]((120, 90), rng())
    assert (picture.size, picture.mode) == ((120, 90), "RGB")


def test_boards_make_a_rack():
    plain = draw_background((120, 90), rng())
    rack = draw_background((120, 90), rng(), (30.0, 80.0))
    assert rack.size == (120, 90)
    assert rack.tobytes() != plain.tobytes()
