from __future__ import annotations

import pytest
import torch

from handful.errors import ConfigError
from handful.methods.os2d import class_views

IMAGE = torch.arange(6.0).reshape(1, 1, 2, 3)


@pytest.mark.parametrize(
    ("name", "count"), [("", 1), ("rotation90", 4), ("horflip", 2), ("horflip_rotation90", 8)]
)
def test_views_are_all_different_and_begin_with_the_picture(name: str, count: int) -> None:
    views = class_views(IMAGE, name)
    assert torch.equal(views[0], IMAGE)
    assert len({str(view.tolist()) for view in views}) == count


def test_turns_are_counter_clockwise() -> None:
    assert class_views(IMAGE, "rotation90")[1][0, 0].tolist() == [
        [2.0, 5.0],
        [1.0, 4.0],
        [0.0, 3.0],
    ]


def test_mirror_is_left_to_right() -> None:
    assert class_views(IMAGE, "horflip")[1][0, 0].tolist() == [[2.0, 1.0, 0.0], [5.0, 4.0, 3.0]]


def test_unknown_views_are_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'rotation90'"):
        class_views(IMAGE, "rotate90")
