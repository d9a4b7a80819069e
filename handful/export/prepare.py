"""First part of an exported run: from pictures to arrays that a graph takes."""

from __future__ import annotations

from pathlib import Path

import numpy
from torch import Tensor

from handful.data.dataset import Dataset, Picture
from handful.data.transforms import Sample, fitted_size
from handful.errors import ConfigError, DataError
from handful.export.card import GraphCard
from handful.export.manifest import Manifest, PreparedPicture, file_of, open_folder
from handful.files import replacing
from handful.reporter import Reporter, SilentReporter, track

Size = tuple[int, int]


def prepare(
    dataset: Dataset,
    card: GraphCard,
    out: Path,
    *,
    canvas: Size | None = None,
    reporter: Reporter | None = None,
) -> Manifest:
    """Write every picture of ``dataset``, resized and normalised, to the folder ``out``.

    One float32 array ``[3, h, w]`` a picture. canvas: (height, width) that all are fitted into,
    shape kept, and padded to; None for the sizes that the graph was trained for. Arrays that
    are there already stay. Raises ``DataError`` for pictures that cannot be read.
    """
    manifest = plan(dataset, card, canvas=canvas)
    open_folder(out, manifest)
    pairs = list(zip(dataset.pictures, manifest.pictures, strict=True))
    for picture, planned in track(pairs, reporter or SilentReporter(), "preparing pictures"):
        file = out / planned.file
        if not file.is_file():
            array = prepared_array(picture, planned.size, card, canvas=canvas)
            with replacing(file) as temporary:
                numpy.save(temporary, array.numpy(), allow_pickle=False)
    return manifest


def plan(dataset: Dataset, card: GraphCard, *, canvas: Size | None = None) -> Manifest:
    """Return what ``prepare`` will write, without reading a picture."""
    if canvas is not None and min(canvas) < 1:
        raise ConfigError(
            "a canvas needs a width and a height", got=list(canvas), expected="1 pixel or more"
        )
    numbers = [picture.id for picture in dataset.pictures]
    if len(set(numbers)) != len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise DataError(
            "two pictures have one id, so their arrays would be one file",
            file=dataset.name,
            got=f"id {twice}",
            remedy="Give every picture an id of its own",
        )
    return Manifest(
        kind="inputs",
        dataset=dataset.name,
        card=card,
        canvas=canvas,
        pictures=tuple(_planned(picture, card, canvas) for picture in dataset.pictures),
    )


def prepared_array(
    picture: Picture, size: Size, card: GraphCard, *, canvas: Size | None = None
) -> Tensor:
    """Return ``picture`` at ``size`` as the graph wants it ``[3, h, w]``, padded to ``canvas``."""
    sample = card.resize.resampled(Sample.of(picture.read()), size)
    if canvas is None:
        return card.pixels.normalised(sample.image)
    array = card.pixels.padding().expand(3, *canvas).contiguous()
    card.pixels.normalise_into(array[:, : size[0], : size[1]], sample.image)
    return array


def _planned(picture: Picture, card: GraphCard, canvas: Size | None) -> PreparedPicture:
    original = (picture.height, picture.width)
    size = card.resize.shown_size(original) if canvas is None else fitted_size(original, canvas)
    return PreparedPicture(
        id=picture.id,
        file_name=picture.file_name,
        original=original,
        size=size,
        scale=(size[0] / original[0], size[1] / original[1]),
        file=file_of("inputs", picture.id),
    )
