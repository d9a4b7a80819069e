from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from handful.data.splits.divisions import class_division
from handful.errors import ConfigError, WeightsError
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.keys import Naming, official_key, our_key
from handful.methods.mpsr.model import MPSR
from handful.methods.mpsr.start import require_starting_point
from handful.methods.mpsr.weights import convert_mpsr_state, naming_of
from handful.methods.two_stage_start import start_from

SMALL = MPSRConfig(trunk="resnet50_caffe", dense_channels=8)
NAMINGS: tuple[Naming, ...] = ("mmfewshot", "authors")

every_naming = pytest.mark.parametrize("naming", NAMINGS)


def official(naming: Naming, count: int) -> dict[str, Tensor]:
    """Return an official state without numbers."""
    with torch.device("meta"):
        network = MPSR(MPSRConfig(tuple(map(str, range(count)))))
        return {official_key(name, naming): value for name, value in network.state_dict().items()}


@every_naming
def test_names_go_there_and_back(naming: Naming) -> None:
    with torch.device("meta"):
        ours = MPSR(replace(SMALL, class_names=("a",))).state_dict()
    assert all(our_key(official_key(name, naming), naming) == name for name in ours)


@every_naming
def test_whose_file_it_is_is_told_by_its_names(naming: Naming) -> None:
    assert naming_of(official(naming, 3)) == naming


@every_naming
@pytest.mark.parametrize(
    ("variant", "count", "names"),
    [
        (None, 3, ("0", "1", "2")),
        ("voc2", 15, class_division("voc2").base),
        ("voc3", 20, class_division("voc3").everything),
        ("coco", 60, class_division("coco").base),
    ],
)
def test_classes_are_named_by_the_variant_and_the_rows(
    naming: Naming, variant: str | None, count: int, names: tuple[str, ...]
) -> None:
    _, config = convert_mpsr_state(official(naming, count), variant)
    assert config.class_names == names and config.box_rule == naming
    assert config.roi_aligned == (naming == "mmfewshot" and count != 20)


@every_naming
def test_entries_that_do_not_fit_are_named(naming: Naming) -> None:
    whole = official(naming, 7)
    lacking = official_key("neck.output.2.bias", naming)
    with pytest.raises(WeightsError, match="lacks an entry.*neck.output.2.bias"):
        convert_mpsr_state({name: value for name, value in whole.items() if name != lacking})
    with pytest.raises(WeightsError, match="does not have.*surplus"):
        convert_mpsr_state({**whole, "surplus": torch.zeros(1)})
    with pytest.raises(WeightsError, match="not of coco.*got 7 classes"):
        convert_mpsr_state(whole, "coco")


def test_a_file_of_neither_is_refused() -> None:
    with pytest.raises(WeightsError, match="not a checkpoint of MPSR"):
        naming_of({"backbone.conv1.weight": torch.zeros(1)})


@every_naming
def test_a_base_of_the_other_code_is_recognised(naming: Naming) -> None:
    _, base = convert_mpsr_state(official(naming, 15), "voc1")
    require_starting_point(base, naming)
    other = next(one for one in NAMINGS if one != naming)
    with pytest.raises(ConfigError, match=f"other code base.*Say --starting-point {naming}"):
        require_starting_point(base, other)


def small(*names: str) -> MPSR:
    lite = MPSRConfig(
        names, trunk="efficientnet_lite0", fpn_channels=8, dense_channels=8, objectness_channels=2
    )
    return MPSR(lite)


def test_known_rows_are_kept_where_asked() -> None:
    base, network = small("a", "b"), small("new", "b", "a")
    start_from(network, "randinit", base.state_dict(), base_classes=("a", "b"))
    ours, old = network.head.classifier.weight, base.head.classifier.weight
    assert torch.equal(ours[[2, 1, 3]], old)
    assert torch.equal(network.head.regressor.weight, base.head.regressor.weight)


def test_weights_of_other_classes_do_not_start_a_run_as_they_are() -> None:
    with pytest.raises(ConfigError, match="another number of classes.*surgery"):
        start_from(small("a"), "none", small("a", "b").state_dict())


def test_an_imagenet_network_fills_the_trunk() -> None:
    network = small("a")
    state = {name: torch.ones_like(value) for name, value in network.trunk.state_dict().items()}
    before = network.neck.lateral[0].weight.clone()
    start_from(network, "msra", {**state, "fc.bias": torch.zeros(1)})
    assert all((value == 1).all() for value in network.trunk.state_dict().values())
    assert torch.equal(network.neck.lateral[0].weight, before)  # type: ignore[arg-type]
