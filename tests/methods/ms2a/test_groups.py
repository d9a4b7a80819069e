"""Rates and decays by the words in the original's names, or by part."""

from __future__ import annotations

import pytest

from handful.methods.ms2a.groups import GroupRates

BACKBONE, NECK = "backbone.stem.conv", "neck.out_convs.0"


@pytest.mark.parametrize(
    ("rates", "name", "expected"),
    [
        (GroupRates(), f"{BACKBONE}.bn.weight", (1.0, 1.0)),
        (GroupRates(), f"{BACKBONE}.bn.bias", (1.0, 0.0)),
        (GroupRates(0.3, 0.3), f"{BACKBONE}.bn.bias", (0.3, 1.0)),
        (GroupRates(0.3, 0.3), f"{NECK}.conv.weight", (0.3, 1.0)),
        (GroupRates(0.3, 0.3), f"{NECK}.bn.bias", (1.0, 0.0)),
        (GroupRates(memory=0.2), "bbox_head.clus_m_0.feats1", (0.2, 1.0)),
        (GroupRates(0.3, 0.3, rule="clean"), f"{BACKBONE}.bn.weight", (0.3, 0.0)),
        (GroupRates(0.3, 0.3, rule="clean"), f"{NECK}.bn.bias", (0.3, 0.0)),
        (GroupRates(rule="clean"), f"{BACKBONE}.conv.weight", (1.0, 1.0)),
    ],
)
def test_factors(rates: GroupRates, name: str, expected: tuple[float, float]) -> None:
    assert rates.factors(name) == expected
