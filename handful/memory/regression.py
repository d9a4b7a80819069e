"""Naming by ridge regression: from embeddings to classes in one step, no training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

RIDGE = 0.1
"""Of embeddings whose parts have length one in all."""


@dataclass(frozen=True)
class ClassRegression:
    """Estimates how likely an embedding is of each of K classes.

    parts: lengths of what an embedding consists of; each counts alike. center: ``[D]``, the mean
    of the examples. weights: ``[D, K]``. prior: ``[K]``, how frequent a class is among them.
    """

    parts: tuple[int, ...]
    center: Tensor
    weights: Tensor
    prior: Tensor

    @classmethod
    def fit(
        cls,
        embeddings: Tensor,
        labels: Tensor,
        *,
        class_count: int,
        parts: Sequence[int],
        ridge: float = RIDGE,
    ) -> ClassRegression:
        """Return the regression of ``labels`` ``[V]`` on ``embeddings`` ``[V, D]``.

        Least squares onto one 1 a row, with ``ridge`` times the squared weights added; solved
        for whichever is smaller, V or D.
        """
        center = embeddings.mean(0)
        rows = normalised(embeddings, center, parts)
        wanted = functional.one_hot(labels, class_count).to(rows)
        prior = wanted.mean(0)
        wanted = wanted - prior
        if len(rows) <= rows.shape[1]:
            identity = ridge * torch.eye(len(rows)).to(rows)
            weights = rows.T @ torch.linalg.solve(rows @ rows.T + identity, wanted)
        else:
            identity = ridge * torch.eye(rows.shape[1]).to(rows)
            weights = torch.linalg.solve(rows.T @ rows + identity, rows.T @ wanted)
        return cls(tuple(parts), center, weights, prior)

    def __call__(self, embeddings: Tensor) -> Tensor:
        """Return ``[N, K]``, 0 to 1, for ``embeddings`` ``[N, D]``."""
        rows = normalised(embeddings, self.center, self.parts)
        return (rows @ self.weights + self.prior).clamp(0.0, 1.0)


def likeness(
    embeddings: Tensor, prototypes: Tensor, center: Tensor, *, parts: Sequence[int]
) -> Tensor:
    """Return the cosines ``[N, K]`` of ``embeddings`` ``[N, D]`` with ``prototypes`` ``[K, D]``.

    center: ``[D]``, taken off both: what anything looks like on average.
    """
    classes = functional.normalize(normalised(prototypes, center, parts), dim=1)
    return normalised(embeddings, center, parts) @ classes.T


def normalised(embeddings: Tensor, center: Tensor, parts: Sequence[int]) -> Tensor:
    """Return ``embeddings`` ``[N, D]`` less ``center``, of length one, every part alike."""
    pieces = (embeddings - center).split(list(parts), dim=1)
    return torch.cat([functional.normalize(one, dim=1) for one in pieces], 1) / len(parts) ** 0.5
