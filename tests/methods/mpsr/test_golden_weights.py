"""Names of weights in both originals' files and ours, and what training starts from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy
import pytest
import torch
from mpsr_reference import FINE_TUNED, class_names, params
from torch import Tensor

from handful.data.splits.divisions import class_division
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.keys import official_key
from handful.methods.mpsr.model import MPSR
from handful.methods.mpsr.weights import CONSTANTS, COUNTER, VARIANCE, convert_mpsr_state
from handful.methods.surgery import HeadNames, grow_head, row_sources
from handful.methods.two_stage_start import start_from

pytestmark = pytest.mark.golden

SETTINGS = {
    "voc_base": MPSRConfig(),
    "voc_finetune": MPSRConfig(roi_aligned=False, classifier_spread=0.001),
    "coco_base": MPSRConfig(),
    "coco_finetune": MPSRConfig(classifier_spread=0.001),
}
CLASSIFIER = "roi_head.bbox_head.fc_cls"
LARGE = 10_000
"""Numbers of a tensor from which its deviation is known to 3 %."""


def shapes_in(file: Path) -> dict[str, tuple[int, ...]]:
    table = json.loads(file.read_text(encoding="utf-8"))
    return {name: tuple(shape) for name, shape in table.items()}


def marked(shapes: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Return tensors that take no memory, each of one number of its own."""
    return {
        name: torch.full((), float(number)).expand(shape)
        for number, (name, shape) in enumerate(shapes.items())
    }


def marks(state: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(value.flatten()[0]) for name, value in state.items() if value.numel()}


def is_weight(name: str) -> bool:
    return not name.endswith(COUNTER) and not name.startswith(CONSTANTS)


@pytest.mark.parametrize("count", [None, 15, 60, 80], ids=lambda count: f"{count}-classes")
@pytest.mark.parametrize("counters", [True, False], ids=["counters", "no-counters"])
@pytest.mark.parametrize("file", params("keys"))
def test_a_state_of_mmfewshot_is_ours_entry_by_entry(
    file: Path, counters: bool, count: int | None
) -> None:
    shapes = {
        name: (count + 1, *shape[1:]) if count and name.startswith(CLASSIFIER) else shape
        for name, shape in shapes_in(file).items()
        if counters or not name.endswith(COUNTER)
    }
    official = marked(shapes)
    state, config = convert_mpsr_state(official)
    assert config.class_count == shapes[f"{CLASSIFIER}.weight"][0] - 1
    assert config.box_rule == "mmfewshot"
    back = {official_key(name): float(value.flatten()[0]) for name, value in state.items()}
    assert back == {name: value for name, value in marks(official).items() if is_weight(name)}


@pytest.mark.parametrize("wrapper", ["", "module."], ids=["bare", "wrapped"])
@pytest.mark.parametrize("file", params("keys_authors"))
def test_a_state_of_the_authors_is_ours_entry_by_entry(file: Path, wrapper: str) -> None:
    official = marked(shapes_in(file))
    state, config = convert_mpsr_state(
        {f"{wrapper}{name}": value for name, value in official.items()}
    )
    assert config.box_rule == "authors" and not config.roi_aligned
    back = {
        official_key(name, "authors"): float(value.flatten()[0]) for name, value in state.items()
    }
    expected = {name: value for name, value in marks(official).items() if is_weight(name)}
    assert back.keys() == expected.keys()
    for name, value in expected.items():
        near = 1e-4 if name.endswith(VARIANCE) else 0
        assert back[name] == pytest.approx(value, abs=near), name


@pytest.mark.parametrize("file", params("keymap_authors_to_mmfewshot"))
def test_both_namings_mean_the_same_entries(file: Path) -> None:
    table = {
        theirs: other
        for theirs, other in json.loads(file.read_text(encoding="utf-8")).items()
        if other is not None
    }
    with torch.device("meta"):
        ours = MPSR(FINE_TUNED).state_dict()
    assert table == {official_key(name, "authors"): official_key(name) for name in ours}


@pytest.mark.parametrize("variant", ["voc1", "voc2", "voc3"])
@pytest.mark.parametrize("file", params("keys_authors"))
def test_rows_of_the_authors_come_into_the_order_of_a_split(file: Path, variant: str) -> None:
    official = marked(shapes_in(file))
    predictor = "roi_heads.box.predictor.cls_score"
    division = class_division(variant)
    rows = torch.arange(len(official[f"{predictor}.bias"])).float()
    official[f"{predictor}.bias"] = rows
    state, config = convert_mpsr_state(official, variant)
    assert config.class_names == division.everything
    alphabet = sorted(division.everything)
    expected = [1 + alphabet.index(name) for name in division.everything]
    assert state["head.classifier.bias"].tolist() == [*expected, 0]


@pytest.mark.parametrize("file", params("surgery"))
def test_fine_tuning_starts_from_all_but_the_classifier(file: Path) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))
    outputs, channels = content["fc_cls_weight_shape"]
    base_outputs = content["base_fc_cls_shape"][0]
    small = replace(FINE_TUNED, classifier_spread=0.001, fpn_channels=4, dense_channels=channels)
    base = MPSR(replace(small, class_names=class_names(base_outputs - 1)))
    with torch.no_grad():
        for value in base.state_dict().values():
            value.fill_(7.0)
    torch.manual_seed(0)
    network = MPSR(replace(small, class_names=class_names(outputs - 1)))
    start_from(network, "remove", base.state_dict())
    state = network.state_dict()
    kept = [official_key(name) for name, value in state.items() if not (value == 7.0).all()]
    assert sorted(kept) == sorted(content["kept_init"]) and not content["other"]
    norms = sum(name.endswith(VARIANCE) for name in state)
    # Theirs counts a number a norm that says how often it was updated.
    assert len(state) + norms - len(kept) == content["n_loaded"]
    fresh = network.head.classifier
    assert list(fresh.weight.shape) == content["fc_cls_weight_shape"]
    assert fresh.weight.std().item() == pytest.approx(content["fc_cls_weight_std"], rel=0.03)
    assert fresh.bias.abs().max().item() == content["fc_cls_bias_absmax"]


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("file", params("init_stats"))
def test_parts_start_as_mmfewshot_starts_them(file: Path, setting: str) -> None:
    content = json.loads(file.read_text(encoding="utf-8"))[setting]
    count = content["params"][f"{CLASSIFIER}.weight"]["shape"][0] - 1
    config = replace(SETTINGS[setting], class_names=class_names(count))
    assert config.roi_aligned == content["roi_align_aligned"]
    torch.manual_seed(0)
    network = MPSR(config)
    parameters = {official_key(name): value for name, value in network.named_parameters()}
    frozen = [name for name, value in parameters.items() if not value.requires_grad]
    assert sorted(frozen) == sorted(content["frozen_backbone"])
    others = {name for name in parameters if not name.startswith("backbone.")}
    assert others == content["params"].keys()
    for name, expected in content["params"].items():
        value = parameters[name]
        assert list(value.shape) == expected["shape"], name
        assert value.requires_grad == expected["trainable"], name
        if value.numel() >= LARGE or not expected["std"]:
            deviation = value.std(correction=0).item()
            assert deviation == pytest.approx(expected["std"], rel=0.03), name
            assert value.abs().max().item() <= 1.5 * expected["absmax"], name


@pytest.mark.parametrize("file", params("reshape_tool"))
def test_enlarged_heads_keep_the_rows_that_the_tool_keeps(file: Path) -> None:
    with numpy.load(file, allow_pickle=False) as archive:
        arrays = dict(archive)
    families = {name.partition("_in__")[0] for name in arrays if "_in__" in name}
    assert families
    for family in families:
        state = {
            name.removeprefix(f"{family}_in__"): torch.from_numpy(value)
            for name, value in arrays.items()
            if name.startswith(f"{family}_in__")
        }
        sources = {
            name.removeprefix(f"{family}_source_row__"): value.tolist()
            for name, value in arrays.items()
            if name.startswith(f"{family}_source_row__")
        }
        assert_grown(state, sources, family)


def assert_grown(state: dict[str, Tensor], sources: dict[str, list[int]], family: str) -> None:
    division = class_division("coco" if family.startswith("coco") else "voc1")
    grown = grow_head(
        state,
        HeadNames("fc_cls", "fc_reg"),
        base=division.base,
        classes=division.everything,
        generator=torch.Generator().manual_seed(0),
    )
    assert (row_sources(division.base, division.everything) < 0).sum() == len(division.novel)
    assert grown.keys() == sources.keys() == state.keys()
    for name, rows in sources.items():
        kept = [place for place, row in enumerate(rows) if row >= 0]
        assert len(grown[name]) == len(rows), name
        old = state[name][[rows[place] for place in kept]]
        assert torch.equal(grown[name][kept], old), name
