"""Names of weights in the original's files and ours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from defrcn_reference import KINDS
from golden_cases import file_params
from torch import Tensor

from handful.memory.embedders import complete_resnet101
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.keys import official_key
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.weights import CONSTANTS, backbone_entries, convert_defrcn_state
from handful.nn.backbones.msra import convert_msra_state

pytestmark = pytest.mark.golden

CLASSIFIER, REGRESSOR = "roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.bbox_pred"


def shapes_in(file: Path) -> dict[str, tuple[int, ...]]:
    table = json.loads(file.read_text(encoding="utf-8"))
    return {name: tuple(shape) for name, shape in table.items()}


def with_classes(shapes: dict[str, tuple[int, ...]], count: int) -> dict[str, tuple[int, ...]]:
    rows = {CLASSIFIER: count + 1, REGRESSOR: 4 * count}
    return {
        name: (rows[name.rpartition(".")[0]], *shape[1:])
        if name.rpartition(".")[0] in rows
        else shape
        for name, shape in shapes.items()
    }


def marked(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return tensors that take no memory, each of one number of its own."""
    return {
        name: torch.full((), float(number)).expand(shape)
        for number, (name, shape) in enumerate(shapes.items())
    }


def network_shapes(config: DeFRCNConfig) -> dict[str, torch.Size]:
    with torch.device("meta"):
        return {name: value.shape for name, value in DeFRCN(config).state_dict().items()}


@pytest.mark.parametrize("count", [None, 20, 80], ids=["as-it-is", "20-classes", "80-classes"])
@pytest.mark.parametrize("file", file_params("defrcn", "keys", KINDS))
def test_an_official_state_is_ours_entry_by_entry(file, count):
    shapes = shapes_in(file)
    if count is not None:
        shapes = with_classes(shapes, count)
    official = marked(shapes)
    state, config = convert_defrcn_state(official)
    assert config.class_count == shapes[f"{CLASSIFIER}.weight"][0] - 1
    assert {name: value.shape for name, value in state.items()} == network_shapes(config)
    back = {official_key(name): float(value.flatten()[0]) for name, value in state.items()}
    expected = {name: float(value.flatten()[0]) for name, value in official.items()}
    assert back == {k: value for k, value in expected.items() if not CONSTANTS.fullmatch(k)}


@pytest.mark.parametrize("file", file_params("defrcn", "keys", KINDS))
def test_a_state_without_its_head_is_read_too(file):
    official = {
        name: value
        for name, value in marked(shapes_in(file)).items()
        if not name.startswith((CLASSIFIER, REGRESSOR))
    }
    state, config = convert_defrcn_state(official, "voc1")
    assert config.class_names == ()
    assert {official_key(name) for name in state} == {
        name for name in official if not CONSTANTS.fullmatch(name)
    }


@pytest.mark.parametrize("file", file_params("defrcn", "keys_pcb_resnet101", KINDS))
def test_the_calibration_network_takes_the_same_entries(file):
    official = marked(shapes_in(file))
    complete = complete_resnet101(official)
    assert {k: v.shape for k, v in complete.items()} == {k: v.shape for k, v in official.items()}
    without_counters = {
        name: value for name, value in official.items() if not name.endswith("num_batches_tracked")
    }
    assert complete_resnet101(without_counters).keys() == complete.keys()


@pytest.mark.parametrize("file", file_params("defrcn", "msra_r101_mapping", KINDS))
def test_the_msra_file_goes_where_the_original_puts_it(file):
    table = json.loads(file.read_text(encoding="utf-8"))
    shapes = {name: tuple(shape) for name, (_, shape) in table["mapping"].items()}
    used = marked(shapes)
    unused = {name: torch.zeros(1) for name in table["unused"]}
    momentum = {f"{name}_momentum": value for name, value in used.items()}
    state, trunk = convert_msra_state({**used, **unused, **momentum})
    config = DeFRCNConfig(class_names=("a",))
    assert trunk == config.trunk
    entries = backbone_entries(state, config)
    filled = {official_key(name): float(value.flatten()[0]) for name, value in entries.items()}
    assert filled == {
        name: float(used[source].flatten()[0])
        for source, (names, _) in table["mapping"].items()
        for name in names
    }
    initial = {official_key(name) for name in network_shapes(config)} - filled.keys()
    constants = {name for name in table["untouched"] if CONSTANTS.fullmatch(name)}
    assert initial == set(table["untouched"]) - constants


@pytest.mark.parametrize("file", file_params("defrcn", "keys", KINDS))
def test_smaller_trunks_are_told_by_their_blocks(file):
    shapes = {
        name: shape
        for name, shape in shapes_in(file).items()
        if not ((match := re.match(r"backbone\.res4\.(\d+)", name)) and int(match[1]) > 5)
    }
    state, config = convert_defrcn_state(marked(shapes))
    assert config.trunk == "resnet50_caffe"
    assert state.keys() == network_shapes(config).keys()
