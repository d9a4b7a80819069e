"""Other pictures that a transform may take parts from."""

from __future__ import annotations

from typing import Protocol

import numpy

from handful.data.transforms.sample import Sample


class Partners(Protocol):
    """Pictures that are read when asked for; can be sent to another process."""

    def __len__(self) -> int:
        """Return how many pictures there are."""
        ...

    def __getitem__(self, index: int, /) -> Sample:
        """Return picture ``index``, read now; raises ``DataError`` if it cannot be read."""
        ...


def drawn_partner(partners: Partners, rng: numpy.random.Generator) -> Sample:
    """Return one of the pictures, each as likely."""
    return partners[int(rng.integers(len(partners)))]


def partner_with_objects(
    partners: Partners, rng: numpy.random.Generator, *, tries: int
) -> Sample | None:
    """Return a drawn picture that holds an object, or None if ``tries`` draws find none."""
    for _ in range(tries):
        partner = drawn_partner(partners, rng)
        if len(partner.targets):
            return partner
    return None
