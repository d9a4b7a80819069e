"""Two pictures seen through each other (Zhang et al. 2018), as YOLOX mixes them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy

from handful.data.transforms.flip import flipped
from handful.data.transforms.frame import PADDING, blank, confined, joined, padded, paste, shifted
from handful.data.transforms.letterbox import bilinear, fitted
from handful.data.transforms.partners import Partners, partner_with_objects
from handful.data.transforms.resize import require_scales
from handful.data.transforms.sample import Sample

_OUTSIDE = 0
"""Grey level where the partner does not reach: black, unlike everywhere else."""


def prepared_partner(
    partner: Sample, frame: tuple[int, int], *, scale: float, flip: bool, fill: int = PADDING
) -> Sample:
    """Return ``partner`` padded to ``frame``, resized by ``scale`` and maybe mirrored.

    Boxes follow the ideal factor, not the rounded size, and are clipped to the picture.
    """
    framed = padded(fitted(partner, frame), frame, fill=fill)
    height, width = (max(1, int(side * scale)) for side in frame)
    resized = framed.moved(bilinear(framed.image, (height, width)), framed.targets.boxes * scale)
    clipped = replace(
        resized, targets=confined(resized.targets, (height, width), drop_outside=False)
    )
    return flipped(clipped) if flip else clipped


def mixed(
    sample: Sample, partner: Sample, offset: tuple[int, int], *, drop_outside: bool = True
) -> Sample:
    """Return the sample and the part of ``partner`` from ``offset`` (row, column) on, half each."""
    top, left = offset
    part = blank(sample.size, _OUTSIDE)
    paste(part, partner.image, top=-top, left=-left)
    targets = confined(
        shifted(partner.targets, top=-top, left=-left), sample.size, drop_outside=False
    )
    both = joined([sample.targets, targets], sample.size)
    # (a + b) / 2 rounded down, without leaving 8 bits.
    image = (sample.image & part) + ((sample.image ^ part) >> 1)
    return replace(
        sample, image=image, targets=confined(both, sample.size, drop_outside=drop_outside)
    )


@dataclass(frozen=True)
class MixUp:
    """Blends a picture with a drawn one of ``partners`` that holds an object.

    frame: (height, width) the partner is fitted into, before it is resized by a factor from
    ``scale`` and, in half of all cases, mirrored. onto_empty: whether a picture without objects
    is mixed too (MMDetection: yes; Megvii: no). tries: draws of a partner before giving up.
    """

    frame: tuple[int, int]
    partners: Partners
    scale: tuple[float, float] = (0.8, 1.6)
    onto_empty: bool = True
    drop_outside: bool = True
    tries: int = 15
    fill: int = PADDING

    def __post_init__(self) -> None:
        require_scales(*self.scale, field="scale")

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return the blend, or the sample as it is where no partner holds an object."""
        if not len(sample.targets) and not self.onto_empty:
            return sample
        partner = partner_with_objects(self.partners, rng, tries=self.tries)
        if partner is None:
            return sample
        ready = prepared_partner(
            partner,
            self.frame,
            scale=rng.uniform(*self.scale),
            flip=rng.random() > 0.5,
            fill=self.fill,
        )
        excess = [max(1, ready.size[axis] - sample.size[axis]) for axis in (0, 1)]
        offset = (int(rng.integers(excess[0])), int(rng.integers(excess[1])))
        return mixed(sample, ready, offset, drop_outside=self.drop_outside)
