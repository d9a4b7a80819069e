"""What the readers of official detectors share: names of classes, and ImageNet trunks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from handful.data.splits.divisions import PARTS, class_division
from handful.errors import WeightsError
from handful.nn.entries import require_same_entries

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def class_names_of(count: int, variant: str | None, *, field: str) -> tuple[str, ...]:
    """Return the names of ``count`` classes: of a part of the division ``variant``, or numbers.

    field: the entry that told ``count``. Raises ``WeightsError`` if no part has so many.
    """
    if variant is None:
        return tuple(str(number) for number in range(count))
    division = class_division(variant)
    lists = {len(division.classes(part)): division.classes(part) for part in PARTS}
    if count not in lists:
        raise WeightsError(
            f"the checkpoint is not of {variant}",
            field=field,
            got=f"{count} classes",
            expected=" or ".join(str(length) for length in sorted(lists)),
            remedy="Leave the variant out: classes are then numbers",
        )
    return lists[count]


def trunk_entries(
    state: Mapping[str, Tensor],
    whole: Mapping[str, Tensor],
    *,
    trunk: str,
    key: Callable[[str], str] = "trunk.{}".format,
    parts: tuple[str, ...] = ("trunk.",),
) -> dict[str, Tensor]:
    """Return what a detector takes from an ImageNet ResNet with torchvision's names.

    whole: all entries of the detector, of which those that start as one of ``parts`` are filled.
    key: its name of an entry; a classifier is left out. Raises ``WeightsError`` if the network
    has other entries or shapes than ``trunk``.
    """
    entries = {key(name): value for name, value in state.items() if not name.startswith("fc.")}
    expected = {
        name: value
        for name, value in whole.items()
        # Statistics that the file lacks were folded into it: they stay as they are.
        if name.startswith(parts) and (name in entries or not name.endswith(STATISTICS))
    }
    require_same_entries(entries, expected, network=trunk)
    return entries
