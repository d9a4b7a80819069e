"""Giving a base detector the head of its fine-tuning (as TFA's code does, and DeFRCN's).

Pure functions on state dicts. The last layer has a row a class in its classifier, the
background's last, and four rows a class in its box regressor, unless all classes share one.
Rows go by class name, so any division of classes and any order of them will do: VOC appends
novel classes, COCO interleaves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from handful.errors import ConfigError, WeightsError, suggest

FRESH_SPREAD = 0.01
"""Standard deviation of new weights; the original uses it for the box rows too."""

BOX_ROWS = 4
FRESH = -1

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class HeadNames:
    """Where the last layer's two parts stand in a state dict, without ``.weight``, ``.bias``.

    boxes: None where all classes share one box, so that there is nothing to change.
    """

    classes: str
    boxes: str | None

    def entries(self) -> tuple[str, ...]:
        """Return all names that the last layer can have."""
        return tuple(f"{part}.{leaf}" for part in self._parts() for leaf in ("weight", "bias"))

    def _parts(self) -> tuple[str, ...]:
        return (self.classes,) if self.boxes is None else (self.classes, self.boxes)


def remove_head(state: State, names: HeadNames) -> dict[str, Tensor]:
    """Return ``state`` without its last layer, which then starts anew (``remove``)."""
    return {name: value for name, value in state.items() if name not in names.entries()}


def grow_head(
    state: State,
    names: HeadNames,
    *,
    base: Sequence[str],
    classes: Sequence[str],
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Return ``state`` with a last layer for all ``classes`` (``randinit``).

    base: the classes whose rows ``state`` has, in their order. Their rows and the background's
    are copied; weights of new rows are drawn from N(0, 0.01), biases are zero. Raises
    ``ConfigError`` if a base class is not among ``classes``, ``WeightsError`` if ``state`` has
    no such head.
    """
    _require_named(base, classes)
    _require_rows(state, names, len(base))
    sources = row_sources(base, classes)
    grown = dict(state)
    for name in names.entries():
        if name in state:
            rows = _rows_of(name, names, sources, old_background=len(base))
            grown[name] = _gathered(state[name], rows, generator)
    return grown


def combine_heads(
    base_state: State,
    novel_state: State,
    names: HeadNames,
    *,
    base: Sequence[str],
    novel: Sequence[str],
    classes: Sequence[str],
) -> dict[str, Tensor]:
    """Return ``base_state`` with a last layer for all ``classes`` made of two (``combine``).

    Rows of ``base`` and the background's are taken from ``base_state``, rows of ``novel`` from
    ``novel_state``. A head without a bias, as the cosine head, stays without. Raises
    ``ConfigError`` for classes that neither or both of them have, ``WeightsError`` for heads
    of other shapes.
    """
    _require_divided(base, novel, classes)
    _require_rows(base_state, names, len(base))
    _require_rows(novel_state, names, len(novel))
    from_base, from_novel = row_sources(base, classes), row_sources(novel, classes)
    combined = dict(base_state)
    for name in names.entries():
        # A cosine classifier has no bias, and then the other's is of no use.
        if name not in base_state or name not in novel_state:
            combined.pop(name, None)
            continue
        ours, theirs = base_state[name], novel_state[name]
        if ours.shape[1:] != theirs.shape[1:]:
            raise WeightsError(
                "the two heads read features of different lengths",
                field=name,
                got=f"{list(ours.shape)} and {list(theirs.shape)}",
                remedy="Take both from detectors of one architecture",
            )
        rows = _rows_of(name, names, from_base, old_background=len(base))
        new_rows = _rows_of(name, names, from_novel, old_background=None)
        value = ours[rows.clamp(min=0)]
        taken = new_rows != FRESH
        value[taken] = theirs[new_rows[taken]].to(value)
        combined[name] = value
    return combined


def row_sources(known: Sequence[str], classes: Sequence[str]) -> Tensor:
    """Return ``[len(classes)]`` int64: the position of each class in ``known``, or -1."""
    places = {name: place for place, name in enumerate(known)}
    return torch.tensor([places.get(name, FRESH) for name in classes], dtype=torch.long)


def head_classes(state: State, names: HeadNames) -> int | None:
    """Return how many classes the last layer of ``state`` tells, None without a last layer.

    Raises ``WeightsError`` if its parts disagree.
    """
    found = {
        name: _class_count(name, state[name], names) for name in names.entries() if name in state
    }
    if len(set(found.values())) > 1 or any(count % 1 for count in found.values()):
        raise WeightsError(
            "the parts of the head tell different numbers of classes",
            got=", ".join(f"{name}: {count:g}" for name, count in found.items()),
            expected="K + 1 rows in the classifier, 4 K in the box regressor",
        )
    return next((int(count) for count in found.values()), None)


def _class_count(name: str, value: Tensor, names: HeadNames) -> float:
    return len(value) - 1 if name.startswith(f"{names.classes}.") else len(value) / BOX_ROWS


def _rows_of(name: str, names: HeadNames, sources: Tensor, *, old_background: int | None) -> Tensor:
    """Return the old row of every new row of the entry ``name``, -1 for none."""
    if name.startswith(f"{names.classes}."):
        background = FRESH if old_background is None else old_background
        return torch.cat([sources, torch.tensor([background])])
    inside = torch.arange(BOX_ROWS)
    rows = sources[:, None] * BOX_ROWS + inside
    return torch.where(sources[:, None] == FRESH, FRESH, rows).reshape(-1)


def _gathered(old: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
    shape = (len(rows), *old.shape[1:])
    fresh = (
        torch.randn(shape, generator=generator) * FRESH_SPREAD
        if old.ndim > 1
        else torch.zeros(shape)
    ).to(old)
    kept = rows != FRESH
    fresh[kept] = old[rows[kept]]
    return fresh


def _require_rows(state: State, names: HeadNames, count: int) -> None:
    found = head_classes(state, names)
    if found != count:
        raise WeightsError(
            "the head does not have the classes it is said to have",
            field=names.classes,
            got="no head" if found is None else f"rows for {found} classes",
            expected=f"rows for {count} classes and the background",
            remedy="Give the detector as it was trained, and its own class names",
        )


def _require_named(known: Sequence[str], classes: Sequence[str]) -> None:
    twice = sorted({name for name in classes if list(classes).count(name) > 1})
    if twice:
        raise ConfigError("a class is named twice", field="classes", got=", ".join(twice))
    missing = [name for name in known if name not in classes]
    if missing:
        raise ConfigError(
            "a class of the detector is not among all classes",
            field="classes",
            got=f"'{missing[0]}'" + (f" and {len(missing) - 1} more" if missing[1:] else ""),
            remedy=suggest(missing[0], classes),
        )


def _require_divided(base: Sequence[str], novel: Sequence[str], classes: Sequence[str]) -> None:
    _require_named(base, classes)
    _require_named(novel, classes)
    both = sorted(set(base) & set(novel))
    neither = [name for name in classes if name not in base and name not in novel]
    for what, found in (("both detectors have", both), ("neither detector has", neither)):
        if found:
            raise ConfigError(
                f"{what} the class '{found[0]}'",
                field="classes",
                got=f"{len(found)} such classes",
                expected="every class in one of the two",
            )
