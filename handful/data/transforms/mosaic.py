"""Four pictures around one point (Bochkovskiy et al. 2020, YOLOv4, section 3.3; as in YOLOX)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy

from handful.data.transforms.frame import PADDING, blank, confined, joined, paste, shifted
from handful.data.transforms.letterbox import fitted
from handful.data.transforms.partners import Partners, drawn_partner
from handful.data.transforms.sample import Sample

_TILES = 4


def mosaic(
    tiles: Sequence[Sample],
    centre: tuple[int, int],
    *,
    frame: tuple[int, int],
    drop_outside: bool = True,
    fill: int = PADDING,
) -> Sample:
    """Return the four ``tiles`` around ``centre`` (row, column) of a canvas of twice ``frame``.

    Each is fitted into ``frame``; the first lies upper left, the last lower right, and all touch
    the centre. What reaches beyond the canvas is cut off.
    """
    size = (2 * frame[0], 2 * frame[1])
    canvas = blank(size, fill)
    found = []
    for place, tile in enumerate(fitted(one, frame) for one in tiles):
        top = centre[0] - (tile.size[0] if place < 2 else 0)
        left = centre[1] - (tile.size[1] if place % 2 == 0 else 0)
        paste(canvas, tile.image, top=top, left=left)
        found.append(shifted(tile.targets, top=top, left=left))
    targets = confined(joined(found, size), size, drop_outside=drop_outside)
    return replace(tiles[0], image=canvas, targets=targets)


@dataclass(frozen=True)
class Mosaic:
    """Puts a picture and three drawn ``partners`` around a drawn point of a canvas.

    frame: (height, width) each is fitted into; the canvas is twice as large, and the point lies
    in its middle half. drop_outside: whether boxes beyond the canvas are left out.
    """

    frame: tuple[int, int]
    partners: Partners
    drop_outside: bool = True
    fill: int = PADDING

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the canvas."""
        centre = tuple(int(rng.uniform(0.5 * side, 1.5 * side)) for side in self.frame)
        others = [drawn_partner(self.partners, rng) for _ in range(_TILES - 1)]
        return mosaic(
            [sample, *others],
            (centre[0], centre[1]),
            frame=self.frame,
            drop_outside=self.drop_outside,
            fill=self.fill,
        )
