"""The 30 published K-shot lists of PASCAL VOC, which come with the package.

Origin: seeds 1 to 29 are the lists that TFA (``ucbdrive/few-shot-object-detection``) publishes;
seed 0 are the older "FSRW" lists (``bingykang/Fewshot_Detection``), which TFA and DeFRCN use as
their seed 0. They were copied from the folder ``datasets/vocsplit`` of ``Anqw/FS3C`` at commit
4d46e53f5b6a16f9ce6a0f3592dca8f009c7c238, and compared with ``worl2997/FSOD-relation_module``
(seeds 1 to 29: the same bytes) and with FSRW's own (seed 0: the same pictures in the same order).

Licence: the file holds facts only, the ids of pictures of PASCAL VOC; no picture, no box, no code
of those repositories. VOC itself is not part of this package; its own terms hold for it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import IO, cast

import numpy

from handful.data.splits.divisions import VOC_CLASSES
from handful.data.splits.layout import (
    PREFIX,
    required_file,
    voc_image_id,
    voc_list_name,
    voc_number,
    voc_year,
)
from handful.data.splits.names import VOC_SHOTS
from handful.errors import ConfigError, DataError
from handful.files import replacing, write_text

PUBLISHED_SEEDS = range(30)
PACKED = Path(__file__).with_name("voc_seeds.npz")

VocLists = dict[str, tuple[str, ...]]
"""Class -> the ids of its pictures, in the list's order; an id may stand there twice."""


def published_voc_lists(seed: int, shots: int) -> VocLists:
    """Return the published lists of one seed (0 to 29) and K (1, 2, 3, 5, 10), all 20 classes.

    Raises ``ConfigError`` for others.
    """
    if seed not in PUBLISHED_SEEDS:
        raise ConfigError(
            "no lists of this seed are published", field="seed", got=seed, expected="0 to 29"
        )
    if shots not in VOC_SHOTS:
        raise ConfigError(
            "no lists of so many shots are published",
            field="shots",
            got=shots,
            expected=", ".join(map(str, VOC_SHOTS)),
        )
    numbers, ends = _packed()
    lists = {}
    for label, name in enumerate(VOC_CLASSES):
        at = (seed * len(VOC_SHOTS) + VOC_SHOTS.index(shots)) * len(VOC_CLASSES) + label
        start = ends[at - 1] if at else 0
        lists[name] = tuple(map(voc_image_id, numbers[start : ends[at]].tolist()))
    return lists


def pack_voc_lists(folder: Path | str, path: Path | str = PACKED) -> None:
    """Write the lists of ``folder`` (``vocsplit`` with ``seed0`` to ``seed29``) as one file."""
    lists = [
        read_voc_list(
            required_file(
                Path(folder) / f"seed{seed}" / voc_list_name(shots, name),
                "a published list is not there",
            )
        )
        for seed in PUBLISHED_SEEDS
        for shots in VOC_SHOTS
        for name in VOC_CLASSES
    ]
    numbers = [voc_number(image_id) for some in lists for image_id in some]
    with replacing(path) as temporary, temporary.open("wb") as stream:
        numpy.savez_compressed(
            cast("IO[bytes]", stream),
            numbers=numpy.array(numbers, dtype=numpy.uint32),
            lengths=numpy.array([len(some) for some in lists], dtype=numpy.uint8),
        )


def unpack_voc_lists(folder: Path | str) -> None:
    """Write all published lists as ``folder/seedN/*.txt``, byte for byte as they are published."""
    for seed in PUBLISHED_SEEDS:
        for shots in VOC_SHOTS:
            write_voc_lists(Path(folder) / f"seed{seed}", shots, published_voc_lists(seed, shots))


def write_voc_lists(folder: Path, shots: int, lists: VocLists) -> None:
    """Write the K-shot lists of one seed into ``folder``, a file a class."""
    for name, image_ids in lists.items():
        lines = (f"{PREFIX}/VOC{voc_year(i)}/JPEGImages/{i}.jpg\n" for i in image_ids)
        write_text(folder / voc_list_name(shots, name), "".join(lines))


def read_voc_list(file: Path) -> tuple[str, ...]:
    """Return the picture ids of a list; only the base names of its paths count.

    Raises ``DataError`` if it cannot be read, or is empty.
    """
    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError("cannot read the list", file=file, got=str(error)) from error
    if not lines:
        raise DataError(
            "the list names no picture",
            file=file,
            expected="one path a line",
            remedy="Copy the list again",
        )
    return tuple(line.rsplit("/", 1)[-1].split(".jpg")[0] for line in lines)


@cache
def _packed() -> tuple[numpy.ndarray, list[int]]:
    with numpy.load(PACKED, allow_pickle=False) as archive:
        return archive["numbers"], numpy.cumsum(archive["lengths"].astype(int)).tolist()
