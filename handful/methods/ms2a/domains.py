"""Pictures of several domains as one data set, and which domain each batch row comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from handful.data.dataset import BoxTable, Dataset
from handful.data.staging import ChangedStream
from handful.errors import DataError
from handful.structures import Batch


@dataclass(frozen=True)
class JoinedDomains:
    """Data sets of several domains, one after the other, each as often as it is repeated.

    dataset: all pictures. domains: ``[P]`` int64, the domain of each.
    """

    dataset: Dataset
    domains: Tensor

    def only(self, domain: int) -> Dataset:
        """Return the pictures of one domain, repetitions included."""
        return self.dataset.subset((self.domains == domain).nonzero().flatten().tolist())


def join_domains(datasets: Sequence[Dataset], repeats: Sequence[int]) -> JoinedDomains:
    """Return ``datasets`` joined; an epoch shows the pictures of each ``repeats`` times.

    Their position is their domain id. Raises ``DataError`` if classes differ.
    """
    first = datasets[0]
    for other in datasets[1:]:
        if other.class_names != first.class_names:
            raise DataError(
                "domains with different classes",
                file=other.name,
                field="class_names",
                got=", ".join(other.class_names),
                expected=", ".join(first.class_names),
                remedy="Keep the classes that all domains have, in one order",
            )
    repeated = [
        one.subset(list(range(len(one))) * times)
        for one, times in zip(datasets, repeats, strict=True)
    ]
    counts = torch.tensor([len(one) for one in repeated])
    starts = counts.cumsum(0) - counts
    tables = [
        replace(one.table, picture=one.table.picture + start)
        for one, start in zip(repeated, starts, strict=True)
    ]
    known = [one.polygons for one in repeated]
    polygons = None
    if any(one is not None for one in known):
        polygons = tuple(
            outline
            for one, table in zip(known, tables, strict=True)
            for outline in (one if one is not None else ((),) * len(table))
        )
    joined = replace(
        first,
        name=" + ".join(dict.fromkeys(one.name for one in datasets)),
        pictures=tuple(picture for one in repeated for picture in one.pictures),
        table=_stacked(tables),
        polygons=polygons,
    )
    return JoinedDomains(joined, torch.arange(len(datasets)).repeat_interleave(counts))


@dataclass(frozen=True)
class DomainStream(ChangedStream):
    """``stream`` with the domain of each picture said in its batches.

    domains: ``[P]`` int64, of the pictures of ``stream.dataset``.
    """

    domains: Tensor

    def changed(self, batch: Batch, step: int) -> Batch:
        """Return ``batch`` with the domains of its pictures."""
        return replace(batch, domains=self.domains[list(batch.pictures)])


def _stacked(tables: Sequence[BoxTable]) -> BoxTable:
    columns = ("picture", "boxes", "labels", "crowd", "difficult", "ids")
    return BoxTable(*(torch.cat([getattr(one, name) for one in tables]) for name in columns))
