"""Views of a class picture: turned and mirrored copies that count as the same class."""

from __future__ import annotations

import torch
from torch import Tensor

from handful.errors import ConfigError, suggest

VIEWS: dict[str, tuple[tuple[int, bool], ...]] = {
    "": ((0, False),),
    "rotation90": tuple((turns, False) for turns in range(4)),
    "horflip": ((0, False), (0, True)),
    "horflip_rotation90": tuple((turns, flip) for flip in (False, True) for turns in range(4)),
}
"""Name -> (quarter turns counter-clockwise, mirrored left to right) of each view."""


def class_views(image: Tensor, views: str) -> list[Tensor]:
    """Return the views ``[1, 3, h, w]`` (turned ones ``[1, 3, w, h]``) of a class ``image``.

    views: "" (only itself), "rotation90", "horflip" or "horflip_rotation90".
    """
    if views not in VIEWS:
        raise ConfigError(
            "unknown views of class pictures",
            field="views",
            got=views,
            remedy=suggest(views, VIEWS),
        )
    return [
        torch.rot90(image.flip(-1) if flip else image, turns, dims=(-2, -1))
        for turns, flip in VIEWS[views]
    ]
