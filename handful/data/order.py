"""In which order pictures are learnt from: a function of the seed alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count

import numpy

Part = list[tuple[int, int]]
"""What is run through the network at once: (number of the sample, position of its picture)."""

_SHUFFLE, _SAMPLE, _PERIOD = 0, 1, 2
PICTURES, OBJECTS = 0, 1
"""Streams of one run, which are drawn independently of each other."""


def shuffled(positions: Sequence[int], seed: int, *, stream: int = PICTURES) -> Iterator[int]:
    """Yield ``positions`` for ever, each pass over them in a new order."""
    values = numpy.asarray(positions)
    for epoch in count():
        order = _randomness(seed, _SHUFFLE, epoch, stream).permutation(len(values))
        yield from values[order].tolist()


def grouped_parts(
    positions: Sequence[int],
    groups: Sequence[int],
    *,
    size: int,
    seed: int,
    stream: int = PICTURES,
) -> Iterator[Part]:
    """Yield for ever parts of ``size`` samples whose pictures share one of ``groups``.

    ``groups[i]`` is the group of ``positions[i]``. A part is complete when the ``size``-th
    sample of its group has come up, so no sample is lost and small groups are not repeated more.
    """
    group_of = dict(zip(positions, groups, strict=True))
    waiting: dict[int, Part] = defaultdict(list)
    for number, position in enumerate(shuffled(positions, seed, stream=stream)):
        part = waiting[group_of[position]]
        part.append((number, position))
        if len(part) == size:
            yield waiting.pop(group_of[position])


def sample_randomness(seed: int, number: int, *, stream: int = PICTURES) -> numpy.random.Generator:
    """Return what sample ``number`` of a run's stream draws from, whoever reads it and when."""
    return _randomness(seed, _SAMPLE, number, stream)


def period_randomness(seed: int, number: int) -> numpy.random.Generator:
    """Return what all processes draw from alike for period ``number`` of a run's steps."""
    return _randomness(seed, _PERIOD, number, PICTURES)


def _randomness(seed: int, purpose: int, number: int, stream: int) -> numpy.random.Generator:
    # The stream of pictures is named by nothing, as in runs before there was another.
    return numpy.random.default_rng((seed, purpose, number, *([stream] if stream else [])))
