"""One example of a class: what a user shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handful.data.images import ImageSource


@dataclass(frozen=True)
class Exemplar:
    """One example of the class ``name``: a crop, or a box in a larger picture.

    image: path, PIL picture, or array. box: xyxy in pixels of that picture, None for all of it.
    """

    name: str
    image: ImageSource
    box: tuple[float, float, float, float] | None = None
