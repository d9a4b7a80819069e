import numpy
import pytest

from handful.data.synthetic.designs import class_design, distractor_design
from handful.data.synthetic.fronts import FRONT_SIDE, paint_front


def front(part, number, seed=1, look_alike=3):
    return numpy.asarray(paint_front(class_design(seed, part, number, look_alike))).astype(int)


def family_of(differs, layout_seed=1):
    """Return the first families (numbers of their first classes) that differ so."""
    families = range(0, 240, 3)
    return [f for f in families if class_design(layout_seed, "base", f, 3).differs == differs][:3]


@pytest.mark.parametrize(
    "differs", ["colour", "letter", "digit", "symbol", "count", "word", "pattern"]
)
def test_look_alikes_share_a_shape_and_are_distinct_pictures(differs):
    families = family_of(differs)
    assert families
    for first in families:
        members = [front("base", first + k) for k in range(3)]
        for k, one in enumerate(members):
            for other in members[:k]:
                assert (one[..., 3] == other[..., 3]).all()
                changed = (numpy.abs(one - other).max(2) > 40).mean()
                assert changed > 0.005


def test_a_class_is_a_function_of_its_number():
    assert class_design(4, "base", 10, 3) == class_design(4, "base", 10, 3)
    again = class_design.__wrapped__(4, "base", 10, 3)
    assert again == class_design(4, "base", 10, 3)
    assert (again.silhouette.points == class_design(4, "base", 10, 3).silhouette.points).all()


@pytest.mark.parametrize("other", [("novel", 1), ("distractor", 1), ("base", 2)])
def test_parts_and_seeds_share_no_picture(other):
    part, seed = other
    mine = {front("base", k).tobytes() for k in range(24)}
    theirs = {front(part, k, seed=seed).tobytes() for k in range(24)}
    assert not mine & theirs


@pytest.mark.parametrize("count", [1, 5, 40])
def test_families_may_be_of_any_size(count):
    designs = {class_design(3, "base", k, count) for k in range(count)}
    assert len(designs) == count


def test_a_front_is_tight_around_its_silhouette():
    for number in range(0, 30, 3):
        picture = paint_front(class_design(1, "base", number, 3))
        assert max(picture.size) == FRONT_SIDE
        x1, y1, x2, y2 = picture.getchannel("A").point(lambda v: 255 * (v > 64)).getbbox()
        assert x1 <= 4
        assert y1 <= 8
        assert x2 >= picture.width - 4
        assert y2 >= picture.height - 8


def test_distractors_vary():
    assert len({distractor_design(1, k) for k in range(50)}) == 50
