"""Rows of many pictures as one padded table each, or sorted by group, without leaving tensors."""

from __future__ import annotations

import torch
from torch import Tensor


def picture_ranks(pictures: Tensor, batch: int) -> Tensor:
    """Return which row of its picture each row is ``[M]``; ``pictures`` ``[M]`` in any order."""
    own = pictures[:, None] == torch.arange(batch, device=pictures.device)
    seen = own.to(torch.int32).cumsum(0)
    return seen.gather(1, pictures[:, None])[:, 0].long() - 1


def places_by_group(groups: Tensor, count: int) -> Tensor:
    """Return where each row lies ``[M]`` once all are sorted by their ``groups`` ``[M]``.

    Rows of a group keep their order. count: of groups.
    """
    sizes = (groups[:, None] == torch.arange(count, device=groups.device)).sum(0)
    return (sizes.cumsum(0) - sizes)[groups] + picture_ranks(groups, count)


def pad_rows(
    columns: tuple[Tensor, ...], pictures: Tensor, *, batch: int, limit: int
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Return each of ``columns`` ``[M, ...]`` as ``[batch, limit, ...]``, and counts ``[batch]``.

    The first ``limit`` rows of each picture are kept in their order, the rest is zero.
    """
    ranks = picture_ranks(pictures, batch)
    # Rows beyond the limit share a last place that is cut off.
    places = pictures * (limit + 1) + ranks.clamp(max=limit)
    padded = []
    for column in columns:
        table = column.new_zeros((batch * (limit + 1), *column.shape[1:]))
        table = table.index_copy(0, places, column)
        padded.append(table.reshape(batch, limit + 1, *column.shape[1:])[:, :limit])
    counts = (pictures[:, None] == torch.arange(batch, device=pictures.device)).sum(0)
    return tuple(padded), counts.clamp(max=limit)
