from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handful.errors import ConfigError
from handful.methods.os2d import OS2DConfig
from handful.methods.os2d.config import V1, V2


def test_defaults_are_the_papers_v2() -> None:
    assert OS2DConfig() == V2
    assert (V2.trunk, V2.parameters, V2.inverse, V2.anchor_side) == ("resnet50", 6, True, 240)
    assert (V1.trunk, V1.parameters, V1.inverse) == ("resnet101", 4, False)


def test_anchor_follows_template_and_stride_unless_given() -> None:
    assert replace(V2, feature_stride=8).anchor_side == 120
    assert replace(V2, feature_stride=8, anchor_size=200.0).anchor_side == 200


def test_lists_from_a_file_become_tuples() -> None:
    config = OS2DConfig(pyramid=[1.0], trunk_strides=[16])  # type: ignore[arg-type]
    assert config.pyramid == (1.0,)
    assert hash(config) == hash(OS2DConfig(pyramid=(1.0,)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("transform", "projective"),
        ("regressor_kernels", (7, 5)),
        ("regressor_kernels", (7, 4, 5)),
        ("trunk_strides", (8,)),
        ("trunk_strides", ()),
        ("template_border", 8),
        ("pyramid", ()),
        ("pyramid", (1.0, 0.0)),
        ("feature_stride", 0),
        ("template_size", 0),
    ],
)
def test_settings_without_sense_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"field '{field}'"):
        OS2DConfig(**{field: value})
