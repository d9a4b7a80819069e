"""What to draw: the complete, printable description of a set of shelf scenes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handful.errors import ConfigError, suggest

Part = Literal["base", "novel"]
Style = Literal["day", "fog", "night"]

PARTS = ("base", "novel", "distractor")
"""Sources of classes; the position seeds them, so that no two parts share a picture."""
STYLES = ("day", "fog", "night")
SETTINGS = ("shelf", "table", "pile", "wall")


@dataclass(frozen=True)
class ShelfRecipe:
    """A set of drawn scenes; the same recipe gives the same pixels and boxes.

    seed: of everything. scenes: how many pictures. width, height: of each, pixels.
    classes: how many, numbered from ``first_class``; part: where they come from (base and
    novel never share a class). look_alike: classes a family; members share a layout and differ
    in one colour, letter, digit, symbol, count, word or pattern.
    objects: fewest (if they fit) and most labelled objects a scene; distractors: most objects
    of no class.
    side: geometric mean of a median object's width and height in pixels, seen straight on; scale:
    smallest and largest object relative to it (of a row on a shelf, whose things vary by 8 %
    and may be no higher than their board allows). tilt: most degrees in the picture plane; turn:
    most degrees of pitch and of yaw. max_occlusion: largest hidden or cut-off part of a labelled
    object.
    style: day, fog or night; blur: largest in pixels; noise: largest standard deviation, of 255.
    settings: the kinds of scene to choose from.
    """

    seed: int = 0
    scenes: int = 100
    width: int = 640
    height: int = 480
    classes: int = 240
    first_class: int = 0
    part: Part = "base"
    look_alike: int = 3
    objects: tuple[int, int] = (8, 16)
    distractors: int = 6
    side: int = 110
    scale: tuple[float, float] = (0.5, 2.0)
    tilt: float = 25.0
    turn: float = 40.0
    max_occlusion: float = 0.4
    style: Style = "day"
    blur: float = 1.4
    noise: float = 10.0
    settings: tuple[str, ...] = SETTINGS

    def __post_init__(self) -> None:
        for name, known in (("part", PARTS), ("style", STYLES)):
            if getattr(self, name) not in known:
                self._refuse(name, suggest(getattr(self, name), known))
        for setting in self.settings or ("",):
            if setting not in SETTINGS:
                self._refuse("settings", suggest(setting, SETTINGS))
        for name in ("scenes", "distractors", "first_class", "seed"):
            if getattr(self, name) < 0:
                self._refuse(name, "Give 0 or more")
        for name in ("classes", "look_alike"):
            if getattr(self, name) < 1:
                self._refuse(name, "Give 1 or more")
        if min(self.width, self.height) < 64:
            self._refuse("width" if self.width < 64 else "height", "Give 64 pixels or more")
        if not 0 <= self.max_occlusion < 1:
            self._refuse("max_occlusion", "Give a fraction from 0 to below 1")
        if not 0 <= self.turn <= 60:
            self._refuse("turn", "Give 0 to 60 degrees")
        for name in ("objects", "scale"):
            low, high = getattr(self, name)
            if not 0 < low <= high:
                self._refuse(name, "Give the smaller, above 0, before the larger")
        if self.side * self.scale[0] < 8 or self.side * self.scale[1] > min(
            self.width, self.height
        ):
            self._refuse("side", "Objects must be 8 pixels or more, and fit into the picture")

    def _refuse(self, field: str, remedy: str) -> None:
        raise ConfigError(
            "a value of the shelf recipe makes no sense",
            field=field,
            got=getattr(self, field),
            remedy=remedy,
        )
