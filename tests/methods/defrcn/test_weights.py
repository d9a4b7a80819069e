import re
from dataclasses import replace

import pytest
import torch

from handful.data.splits.divisions import class_division
from handful.errors import WeightsError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.keys import official_key
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.tfa_recipes import TFA_MODEL
from handful.methods.defrcn.weights import backbone_entries, convert_defrcn_state
from handful.nn.backbones import build_trunk

C4 = DeFRCNConfig(trunk="resnet50_caffe")


def official(config, count):
    """An official state without numbers."""
    with torch.device("meta"):
        network = DeFRCN(replace(config, class_names=tuple(map(str, range(count)))))
        return {
            official_key(name, neck=config.neck): value
            for name, value in network.state_dict().items()
        }


@pytest.mark.parametrize(
    ("variant", "count", "names"),
    [
        (None, 3, ("0", "1", "2")),
        ("voc2", 15, class_division("voc2").base),
        ("voc2", 5, class_division("voc2").novel),
        ("coco", 80, class_division("coco").everything),
    ],
)
def test_classes_are_named_by_the_variant_and_the_rows(variant, count, names):
    _, config = convert_defrcn_state(official(C4, count), variant)
    assert config.class_names == names
    assert (config.train_short_sides[0] == 640) == (variant == "coco")


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (C4, {"neck": "c4", "classifier": "linear"}),
        (replace(TFA_MODEL, trunk="resnet50_caffe"), {"neck": "fpn", "classifier": "linear"}),
        (
            replace(TFA_MODEL, trunk="resnet50_caffe", classifier="cosine"),
            {"classifier": "cosine", "cosine_scale": 20.0},
        ),
        (
            replace(TFA_MODEL, trunk="resnet50_caffe", classifier="cosine", cosine_scale=-1.0),
            {"classifier": "cosine", "cosine_scale": -1.0},
        ),
    ],
    ids=["defrcn", "tfa", "tfa cosine", "tfa learned scale"],
)
def test_the_architecture_is_told_by_the_entries(start, expected):
    state, config = convert_defrcn_state(official(start, 5))
    assert config.trunk == "resnet50_caffe"
    assert {name: getattr(config, name) for name in expected} == expected
    with torch.device("meta"):
        assert state.keys() == DeFRCN(config).state_dict().keys()


@pytest.mark.parametrize(
    ("change", "variant", "message"),
    [
        (lambda s: s.pop("affine_rpn.weight"), None, "lacks an entry.*rpn_gate.weight"),
        (lambda s: s.update(surplus=torch.zeros(1)), None, "does not have.*surplus"),
        (
            lambda s: s.update({"affine_rpn.bias": torch.zeros(1, 7, 1, 1)}),
            None,
            r"wrong shape.*rpn_gate.bias.*got \[1, 7, 1, 1\], expected \[1, 1024, 1, 1\]",
        ),
        (lambda s: None, "voc1", "not of voc1.*got 3 classes, expected 5 or 15 or 20"),
        (
            lambda s: s.update({"roi_heads.box_predictor.bbox_pred.bias": torch.zeros(16)}),
            None,
            "different numbers of classes",
        ),
    ],
)
def test_checkpoints_that_do_not_fit_are_refused_by_entry(change, variant, message):
    state = official(C4, 3)
    change(state)
    with pytest.raises(WeightsError, match=message):
        convert_defrcn_state(state, variant)


def test_an_unknown_depth_is_refused():
    state = {
        name: value
        for name, value in official(C4, 3).items()
        if not re.match(r"backbone\.res4\.5\.", name)
    }
    with pytest.raises(WeightsError, match="no known trunk has this many blocks.*got 5"):
        convert_defrcn_state(state)


def imagenet(trunk):
    with torch.device("meta"):
        state = build_trunk(trunk, (32,)).state_dict()
    return {name: value for name, value in state.items() if "running" not in name}


@pytest.mark.parametrize("neck", ["c4", "fpn"])
def test_an_imagenet_network_fills_trunk_and_last_stage(neck):
    config = replace(C4 if neck == "c4" else TFA_MODEL, trunk="resnet50_caffe", class_names=("a",))
    entries = backbone_entries({**imagenet("resnet50_caffe"), "fc.bias": torch.zeros(1)}, config)
    last = "head.stage.0.conv1.weight" if neck == "c4" else "trunk.layer4.0.conv1.weight"
    assert last in entries and "trunk.conv1.weight" in entries
    assert not any(name.startswith(("rpn", "predictor", "neck")) for name in entries)


def test_an_imagenet_network_of_another_depth_is_refused():
    with pytest.raises(WeightsError, match="lacks an entry.*expected a resnet101_caffe"):
        backbone_entries(imagenet("resnet50_caffe"), DeFRCNConfig())
