import os
import pickle

import numpy
import pytest
import torch

from handful.errors import ConfigError, WeightsError
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.keys import official_key as defrcn_key
from handful.methods.defrcn.model import DeFRCN
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.keys import official_key as mpsr_key
from handful.methods.mpsr.model import MPSR
from handful.methods.os2d.config import V1, V2, OS2DConfig
from handful.methods.os2d.model import OS2D
from handful.methods.os2d.weights import CLASS_TRUNK, TRUNK, official_key
from handful.nn.backbones import build_trunk
from handful.weights import convert, find_official, load_weights, read_card
from handful.weights.card import BACKBONE


class Payload:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch '{self.mark}'",)


def official(config):
    """A checkpoint with the official names; every tensor repeats one number of its own."""
    with torch.device("meta"):
        shapes = OS2D(config).state_dict()
    state = {}
    for index, (key, value) in enumerate(shapes.items()):
        name = official_key(key)
        state[name] = (
            torch.full((), index / 64 if value.is_floating_point() else index)
            .to(value.dtype)
            .expand(value.shape)
        )
        if name.startswith(TRUNK):
            state[CLASS_TRUNK + name.removeprefix(TRUNK)] = state[name]
    return state


@pytest.fixture(scope="module")
def v2_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("official") / "os2d_v2-train.pth"
    torch.save({"net": official(V2), "optimizer": {"state": {}}}, path)
    return path


def test_an_official_checkpoint_becomes_a_weight_file(v2_file, tmp_path):
    path = convert(v2_file, variant="v2", out=tmp_path / "a.safetensors", dtype=torch.float16)
    state, card = load_weights(path, dtype=torch.float32)
    config = OS2DConfig(**card.config)
    assert (card.method, card.licence, config) == ("os2d", "MIT", V2)
    assert "os2d_v2-train.pth" in card.source and "aosokin/os2d" in card.source
    with torch.device("meta"):
        expected = OS2D(config).state_dict()
    assert {key: value.shape for key, value in state.items()} == {
        key: value.shape for key, value in expected.items()
    }
    for index, (key, value) in enumerate(expected.items()):
        if value.is_floating_point():
            assert float(state[key].flatten()[0]) == index / 64


@pytest.mark.parametrize(
    ("variant", "error", "message"),
    [
        (None, ConfigError, "does not say which variant.*got none, expected v1 or v2"),
        ("v3", ConfigError, "got v3"),
        ("v1", WeightsError, r"os2d_v2-train\.pth.*6 outputs, expected 4.*Try variant v2"),
    ],
)
def test_the_variant_must_be_said_and_must_fit(v2_file, tmp_path, variant, error, message):
    with pytest.raises(error, match=message):
        convert(v2_file, variant=variant, out=tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_v1_is_read_as_v1(tmp_path):
    path = tmp_path / "os2d_v1-train.pth"
    config = OS2DConfig(**{**vars(V1), "trunk": "resnet50"})
    torch.save({"net": official(config)}, path)
    written = convert(path, variant="v1", dtype=torch.float16)
    assert written == tmp_path / "os2d_v1-train.safetensors"
    assert OS2DConfig(**read_card(written).config) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: net.pop(TRUNK + "conv1.weight"), "lacks an entry.*conv1.weight"),
        (lambda net: net.update({TRUNK + "bn1.bias": torch.zeros(3)}), "bn1.bias"),
        (lambda net: net.update(surplus=torch.zeros(1)), "does not have.*surplus"),
    ],
)
def test_incomplete_checkpoints_are_refused_by_file_and_entry(tmp_path, change, message):
    net = official(V2)
    change(net)
    path = tmp_path / "broken.pth"
    torch.save({"net": net}, path)
    with pytest.raises(WeightsError, match=message) as caught:
        convert(path, variant="v2")
    assert str(path) in str(caught.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["broken.pth"]


def test_a_checkpoint_of_another_method_is_refused(tmp_path):
    path = tmp_path / "other.pth"
    torch.save({"model": {"backbone.conv": torch.zeros(1)}}, path)
    with pytest.raises(WeightsError, match="no known method.*backbone.conv"):
        convert(path)


def test_a_hostile_checkpoint_runs_nothing(tmp_path):
    path, mark = tmp_path / "evil.pth", tmp_path / "executed"
    torch.save({"net": official(V2), "optimizer": Payload(mark)}, path)
    with pytest.raises(WeightsError, match="could run code.*system"):
        convert(path, variant="v2")
    assert not mark.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["evil.pth"]


def test_the_checkpoint_itself_is_never_overwritten(v2_file):
    with pytest.raises(ConfigError, match="ending in .safetensors"):
        convert(v2_file, variant="v2", out=v2_file)


def backbone(trunk):
    """An MSRA file's arrays; every one repeats a number of its own."""
    with torch.device("meta"):
        state = build_trunk(trunk, (32,)).state_dict()
    arrays = {}
    for number, (name, value) in enumerate(state.items()):
        if "running" not in name:
            arrays[msra_name(name)] = numpy.full(value.shape, number / 256, numpy.float16)
    return arrays


def msra_name(name):
    stem = {"conv1.weight": "conv1_w", "bn1.weight": "res_conv1_bn_s", "bn1.bias": "res_conv1_bn_b"}
    if name in stem:
        return stem[name]
    stage, block, part, *rest = name.split(".")
    norm = part.startswith("bn") or rest[0] == "1"
    branch = "1" if part == "downsample" else f"2{'abc'[int(part[-1]) - 1]}"
    leaf = ("_bn_s" if rest[-1] == "weight" else "_bn_b") if norm else "_w"
    return f"res{int(stage[-1]) + 1}_{block}_branch{branch}{leaf}"


@pytest.mark.integration
def test_an_msra_pickle_becomes_a_backbone_file(tmp_path):
    path = tmp_path / "R-50.pkl"
    arrays = backbone("resnet50_caffe")
    extra = {"fc1000_w": numpy.zeros(3), "conv1_w_momentum": numpy.zeros(3)}
    path.write_bytes(pickle.dumps({"blobs": arrays | extra}, protocol=2))
    state, card = load_weights(convert(path))
    assert (card.method, card.config) == (BACKBONE, {"trunk": "resnet50_caffe"})
    assert "R-50.pkl" in card.source and "CC BY-SA" in card.licence
    assert {name: float(value.flatten()[0]) for name, value in state.items()} == {
        name: float(arrays[msra_name(name)].flat[0]) for name in state
    }
    assert len(state) == len(arrays)


def defrcn_checkpoint(count):
    config = DeFRCNConfig(trunk="resnet50_caffe", class_names=tuple(map(str, range(count))))
    with torch.device("meta"):
        state = DeFRCN(config).state_dict()
    model = {
        defrcn_key(name): torch.zeros((), dtype=torch.float16).expand(value.shape)
        for name, value in state.items()
    }
    model["proposal_generator.anchor_generator.cell_anchors.0"] = torch.zeros(15, 4)
    return {"model": model, "optimizer": {"state": {}}, "iteration": 14999}


@pytest.mark.integration
def test_a_defrcn_checkpoint_becomes_a_detector_file(tmp_path):
    path = tmp_path / "model_final.pth"
    torch.save(defrcn_checkpoint(15), path)
    card = read_card(convert(path, variant="voc1", dtype=torch.float16))
    assert card.method == "defrcn"
    assert card.class_names[:2] == ("aeroplane", "bicycle") and len(card.class_names) == 15
    assert card.config["trunk"] == "resnet50_caffe" and "class_names" not in card.config


def mpsr_checkpoint(naming, count):
    config = MPSRConfig(trunk="resnet50_caffe", class_names=tuple(map(str, range(count))))
    with torch.device("meta"):
        state = MPSR(config).state_dict()
    weights = {
        mpsr_key(name, naming): torch.zeros(1, dtype=torch.float16).expand(value.shape)
        for name, value in state.items()
    }
    if naming == "mmfewshot":
        return {"meta": {"CLASSES": ("aeroplane",)}, "state_dict": weights}
    weights["rpn.anchor_generator.cell_anchors.0"] = torch.zeros(3, 4)
    return {"model": {f"module.{name}": value for name, value in weights.items()}, "iteration": 1}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("naming", "count", "name", "home"),
    [
        ("mmfewshot", 15, "mpsr_voc1_base.pth", "open-mmlab/mmfewshot"),
        ("mmfewshot", 20, "mpsr_voc1_3shot.pth", "open-mmlab/mmfewshot"),
        ("authors", 15, "mpsr_voc1_base_authors.pth", "jiaxi-wu/MPSR"),
    ],
)
def test_mpsr_checkpoints_of_both_codes_are_told_by_their_entries(
    naming, count, name, home, tmp_path
):
    path = tmp_path / find_official(name).name
    torch.save(mpsr_checkpoint(naming, count), path)
    card = read_card(convert(path, variant="voc1", dtype=torch.float16))
    assert (card.method, card.config["box_rule"]) == ("mpsr", naming)
    assert card.class_names[:2] == ("aeroplane", "bicycle") and len(card.class_names) == count
    assert home in card.source


def test_files_without_variants_say_so(tmp_path):
    path = tmp_path / "R-50.pkl"
    path.write_bytes(pickle.dumps({"res2_0_branch2a_w": numpy.zeros(1)}, protocol=2))
    with pytest.raises(ConfigError, match="no variants of this file.*got voc1"):
        convert(path, variant="voc1")


def test_the_calibration_network_is_told_by_its_entries(tmp_path):
    path = tmp_path / "resnet101-5d3b4d8f.pth"
    torch.save({"layer3.22.conv1.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="lacks an entry.*ResNet-101 of torchvision"):
        convert(path)
