"""Comparing the entries of a state dict with those a network has."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from handful.errors import WeightsError


def require_same_entries(
    state: Mapping[str, Tensor], expected: Mapping[str, Tensor], *, network: str
) -> None:
    """Raise ``WeightsError``, naming an entry, unless both have the same names and shapes."""
    for what, names in (
        ("the checkpoint lacks an entry", sorted(expected.keys() - state.keys())),
        ("the checkpoint holds an unknown entry", sorted(state.keys() - expected.keys())),
    ):
        if names:
            raise WeightsError(
                what, field=names[0], got=f"{len(names)} of them", expected=f"a {network}"
            )
    for name, value in state.items():
        if value.shape != expected[name].shape:
            raise WeightsError(
                "an entry of the checkpoint has the wrong shape",
                field=name,
                got=list(value.shape),
                expected=list(expected[name].shape),
                remedy=f"Is it a {network}?",
            )
