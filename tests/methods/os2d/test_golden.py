"""OS2D's tables against the original's, and that no file of reference numbers is passed over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from golden_cases import file_params, golden_root, kind_of
from os2d_reference import ALL_KINDS, LATER, config_named

from handful.data.formats.imagenet_repmet import held_out_synsets
from handful.methods.os2d import OS2D
from handful.methods.os2d.official import NOT_CARRIED, OFFICIAL_VALUES, OS2DSettings
from handful.methods.os2d.weights import convert_os2d_state, official_key

pytestmark = pytest.mark.golden
OTHER_NETWORKS = ("coae_",)


def test_os2d_has_no_unknown_kind_of_file() -> None:
    files = sorted((golden_root() / "os2d").glob("*.*"))
    unknown = [f.name for f in files if f.suffix != ".md" and kind_of(f, ALL_KINDS) is None]
    assert not unknown


@pytest.mark.parametrize(
    "kind",
    [pytest.param(k, marks=pytest.mark.skip(why), id=f"os2d-{k}") for k, why in LATER.items()],
)
def test_comes_later(kind: str) -> None:
    raise AssertionError(kind)


@pytest.mark.parametrize("file", file_params("os2d", "keys", ALL_KINDS))
def test_keys(file: Path) -> None:
    tables = json.loads(file.read_text(encoding="utf-8"))
    networks = {
        name: table
        for name, table in tables.items()
        if isinstance(table, dict) and not name.startswith(OTHER_NETWORKS)
    }
    assert networks
    for name, table in networks.items():
        config = config_named(name)
        state = {key: torch.zeros(shape) for key, shape in table.items()}
        variant = "v1" if config.transform == "simplified" else "v2"
        converted, found = convert_os2d_state(state, variant)
        assert found == config, name
        with torch.device("meta"):
            expected = OS2D(config).state_dict()
        assert {k: v.shape for k, v in converted.items()} == {
            k: v.shape for k, v in expected.items()
        }
        assert {official_key(key) for key in expected} <= set(table)


@pytest.mark.parametrize("file", file_params("os2d", "config_defaults", ALL_KINDS))
def test_config_defaults(file: Path) -> None:
    theirs = json.loads(file.read_text(encoding="utf-8"))
    ours = {key: value(OS2DSettings()) for key, value in OFFICIAL_VALUES.items()}
    assert ours == {key: theirs.get(key, "no such key") for key in OFFICIAL_VALUES}
    others = set(theirs) - set(ours)
    unaccounted = {key for key in others if not key.startswith(tuple(NOT_CARRIED))}
    assert not unaccounted


@pytest.mark.parametrize("file", file_params("os2d", "imagenet_repmet_test_synsets", ALL_KINDS))
def test_imagenet_repmet_test_synsets(file: Path) -> None:
    assert sorted(json.loads(file.read_text(encoding="utf-8"))) == sorted(held_out_synsets())
