"""Pictures of several domains as one data set, and which domain each batch row comes from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from handful.data.dataset import Dataset
from handful.data.splits.records import joined
from handful.data.staging import ChangedStream
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
    repeated = [
        one.subset(list(range(len(one))) * times)
        for one, times in zip(datasets, repeats, strict=True)
    ]
    counts = torch.tensor([len(one) for one in repeated])
    return JoinedDomains(
        dataset=joined(repeated, name=" + ".join(dict.fromkeys(one.name for one in datasets))),
        domains=torch.arange(len(datasets)).repeat_interleave(counts),
    )


@dataclass(frozen=True)
class DomainStream(ChangedStream):
    """``stream`` with the domain of each picture said in its batches.

    domains: ``[P]`` int64, of the pictures of ``stream.dataset``.
    """

    domains: Tensor

    def changed(self, batch: Batch, step: int) -> Batch:
        """Return ``batch`` with the domains of its pictures."""
        return replace(batch, domains=self.domains[list(batch.pictures)])
