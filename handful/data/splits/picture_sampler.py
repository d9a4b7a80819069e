"""A few annotated pictures of any data set, with all their boxes: drawn by a seed, or named."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from handful.data.dataset import Dataset
from handful.data.splits.manifest import ShotManifest, shot_box
from handful.data.splits.records import require_classes
from handful.data.splits.sampler import usable_rows
from handful.errors import ConfigError, DataError, suggest

Shown = Mapping[int, frozenset[int]]
"""Annotated picture -> the labels it shows."""


def sample_pictures(
    dataset: Dataset,
    counts: Iterable[int],
    *,
    seed: int,
    classes: Sequence[str] | None = None,
    difficult: bool = False,
    allow_fewer: bool = False,
) -> dict[int, ShotManifest]:
    """Draw whole pictures for each number of ``counts``, and keep all their boxes of the classes.

    Every class is on one of them if the number allows: the rarest class draws first among its
    pictures, then the rarest of those still missing; the rest is drawn evenly. Where that leaves
    a class out, a greedy search looks for pictures that show more classes. Otherwise a smaller
    set is part of a larger one. difficult: a picture with difficult boxes only may be drawn;
    one with crowds only never is. allow_fewer: take all annotated pictures if there are too few.
    Raises ``DataError`` if there are, ``ConfigError`` for a number below 1.
    """
    wanted = sorted(set(counts))
    if not wanted or wanted[0] < 1:
        raise ConfigError("the number of pictures must be 1 or more", field="pictures", got=wanted)
    names = dataset.class_names if classes is None else tuple(classes)
    shown = _shown_labels(dataset, names, difficult)
    _require_pictures(dataset, shown, wanted[-1], allow_fewer)
    pictures = sorted(shown)
    random.Random(str(seed)).shuffle(pictures)
    return {
        count: _manifest(dataset, _chosen(shown, pictures, count), names, count, seed=seed)
        for count in wanted
    }


def named_pictures(
    dataset: Dataset,
    file_names: Sequence[str],
    *,
    classes: Sequence[str] | None = None,
    difficult: bool = False,
) -> ShotManifest:
    """Return the manifest of the pictures with these names, as a published list gives them.

    A name is the data set's own, or its last part where that is unlike all others. Raises
    ``DataError`` for a name that is unknown, said twice, or of a picture without a usable box.
    """
    names = dataset.class_names if classes is None else tuple(classes)
    shown = _shown_labels(dataset, names, difficult)
    chosen = [_position(dataset, name) for name in file_names]
    for position, name in zip(chosen, file_names, strict=True):
        if chosen.count(position) > 1:
            raise DataError("a picture is named twice", file=dataset.name, got=name)
        if position not in shown:
            raise DataError(
                "a named picture shows no box of the classes",
                file=dataset.name,
                got=name,
                remedy="Name annotated pictures only",
            )
    if not chosen:
        raise ConfigError("no picture is named", field="files", expected="one name or more")
    return _manifest(dataset, chosen, names, len(chosen), seed=0, fixed=True)


def _shown_labels(dataset: Dataset, class_names: Sequence[str], difficult: bool) -> Shown:
    require_classes(dataset, class_names)
    shown: dict[int, set[int]] = {}
    for name, rows in usable_rows(dataset, class_names, difficult).items():
        for picture in dataset.table.picture[rows].tolist():
            shown.setdefault(picture, set()).add(dataset.class_names.index(name))
    return {picture: frozenset(labels) for picture, labels in shown.items()}


def _require_pictures(dataset: Dataset, shown: Shown, count: int, allow_fewer: bool) -> None:
    if shown and (allow_fewer or len(shown) >= count):
        return
    raise DataError(
        "the data set has fewer annotated pictures than are asked for",
        file=dataset.name,
        got=f"{len(shown)} of its {len(dataset.pictures)} pictures with a box that is neither "
        "crowd nor difficult",
        expected=f"{count} or more",
        remedy="Ask for fewer pictures, or take what there is with --allow-fewer (allow_fewer=True)"
        if shown
        else "Check that it holds boxes of these classes",
    )


def _chosen(shown: Shown, pictures: Sequence[int], count: int) -> list[int]:
    """Return ``count`` of the shuffled ``pictures``, every label on one of them if it can be."""
    chosen = _filled(_rarest_first(shown, pictures), pictures, count)
    if _labels_on(shown, chosen) == _labels_on(shown, pictures):
        return chosen
    greedy = _filled(_most_first(shown, pictures, count), pictures, count)
    return max(chosen, greedy, key=lambda some: len(_labels_on(shown, some)))


def _rarest_first(shown: Shown, pictures: Sequence[int]) -> list[int]:
    showing: dict[int, list[int]] = {}
    for picture in pictures:
        for label in shown[picture]:
            showing.setdefault(label, []).append(picture)
    first: list[int] = []
    for label in sorted(showing, key=lambda label: (len(showing[label]), label)):
        if label not in _labels_on(shown, first):
            first.append(showing[label][0])
    return first


def _most_first(shown: Shown, pictures: Sequence[int], count: int) -> list[int]:
    first: list[int] = []
    for _ in range(min(count, len(pictures))):
        seen = _labels_on(shown, first)
        best = max(pictures, key=lambda picture: len(shown[picture] - seen))
        if not shown[best] - seen:
            break
        first.append(best)
    return first


def _filled(first: Sequence[int], pictures: Sequence[int], count: int) -> list[int]:
    return [*first, *(picture for picture in pictures if picture not in first)][:count]


def _labels_on(shown: Shown, pictures: Iterable[int]) -> frozenset[int]:
    return frozenset().union(*(shown[picture] for picture in pictures))


def _manifest(
    dataset: Dataset,
    chosen: Sequence[int],
    class_names: tuple[str, ...],
    count: int,
    *,
    seed: int,
    fixed: bool = False,
) -> ShotManifest:
    """Return all boxes of the chosen pictures, in the order of the data set; crowds are extra."""
    labels = {dataset.class_names.index(name) for name in class_names}
    crowd = dataset.table.crowd.tolist()
    return ShotManifest(
        dataset=dataset.name,
        shots=count,
        seed=seed,
        class_names=class_names,
        class_ids=tuple(dataset.class_ids[dataset.class_names.index(n)] for n in class_names),
        boxes=tuple(
            shot_box(dataset, row, record, extra=crowd[row])
            for record, picture in enumerate(sorted(chosen))
            for row in dataset.rows(picture).tolist()
            if int(dataset.table.labels[row]) in labels
        ),
        repetition="same_boxes" if fixed else "other_boxes",
        unit="pictures",
    )


def _position(dataset: Dataset, name: str) -> int:
    known = [picture.file_name for picture in dataset.pictures]
    fits = [place for place, other in enumerate(known) if other == name]
    fits = fits or [n for n, other in enumerate(known) if _last_part(other) == _last_part(name)]
    if len(fits) == 1:
        return fits[0]
    raise DataError(
        "several pictures of the data set have the name" if fits else "no picture has the name",
        file=dataset.name,
        got=name,
        remedy="Name it as the data set does" if fits else suggest(name, known),
    )


def _last_part(name: str) -> str:
    return PurePosixPath(name.replace("\\", "/")).name
