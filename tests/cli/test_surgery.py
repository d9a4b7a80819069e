"""``handful surgery``: from weight file to weight file."""

import pytest
import torch

from handful.methods.defrcn.keys import OUR_HEAD
from handful.weights import Card, load_weights, save_weights

SETTINGS = {"trunk": "resnet50_caffe"}


def save_detector(path, names, *, start=0.0, method="defrcn"):
    """A weight file with nothing but a head and one other entry."""
    rows = torch.arange(float(len(names) + 1)) + start
    boxes = torch.arange(4.0 * len(names)) + start
    state = {
        "rpn_gate.weight": torch.full((1,), start),
        f"{OUR_HEAD.classes}.weight": rows[:, None].expand(-1, 2),
        f"{OUR_HEAD.classes}.bias": rows,
        f"{OUR_HEAD.boxes}.weight": boxes[:, None].expand(-1, 2),
        f"{OUR_HEAD.boxes}.bias": boxes,
    }
    save_weights(path, state, Card(method, SETTINGS, tuple(names), "MIT", "drawn"))
    return path


@pytest.fixture
def base(tmp_path):
    return save_detector(tmp_path / "base.safetensors", ("cup", "tea"))


@pytest.fixture
def novel(tmp_path):
    return save_detector(tmp_path / "novel.safetensors", ("milk",), start=100.0)


def test_remove_writes_the_rest_without_classes(handful, base, tmp_path):
    out = tmp_path / "removed.safetensors"
    assert handful("surgery", "remove", base, "--out", out)[:2] == (0, f"{out}\n")
    state, card = load_weights(out)
    assert list(state) == ["rpn_gate.weight"]
    assert (card.method, card.config, card.class_names) == ("defrcn", SETTINGS, ())
    assert card.licence == "MIT" and "remove of base.safetensors" in card.source


def test_randinit_writes_a_head_for_the_named_classes(handful, base, tmp_path):
    out = tmp_path / "grown.safetensors"
    names = ("milk", "cup", "tea")
    assert handful("surgery", "randinit", base, "--out", out, "--classes", *names)[0] == 0
    state, card = load_weights(out)
    assert card.class_names == names
    assert state[f"{OUR_HEAD.classes}.bias"].tolist() == [0, 0, 1, 2]


def test_randinit_knows_the_published_divisions_by_name(handful, tmp_path):
    from handful.data.splits.divisions import class_division

    division = class_division("coco")
    base = save_detector(tmp_path / "base.safetensors", division.base)
    out = tmp_path / "grown.safetensors"
    assert handful("surgery", "randinit", base, "--out", out, "--classes", "coco")[0] == 0
    assert load_weights(out)[1].class_names == division.everything


@pytest.mark.parametrize(
    ("classes", "names", "rows"),
    [
        ((), ("cup", "tea", "milk"), [0, 1, 100, 2]),
        (("--classes", "cup", "milk", "tea"), ("cup", "milk", "tea"), [0, 100, 1, 2]),
    ],
)
def test_combine_joins_two_heads(handful, base, novel, tmp_path, classes, names, rows):
    out = tmp_path / "both.safetensors"
    assert handful("surgery", "combine", base, novel, "--out", out, *classes)[0] == 0
    state, card = load_weights(out)
    assert card.class_names == names
    assert state[f"{OUR_HEAD.classes}.bias"].tolist() == rows
    assert "base.safetensors with novel.safetensors" in card.source


def test_mistakes_are_told_and_nothing_is_written(handful, base, tmp_path):
    out = tmp_path / "out.safetensors"
    foreign = save_detector(tmp_path / "os2d.safetensors", ("cup",), method="os2d")
    removed = tmp_path / "removed.safetensors"
    assert handful("surgery", "remove", base, "--out", removed)[0] == 0
    for words, message in (
        (("randinit", base, "--classes", "cup", "tee"), "Did you mean 'tee'?"),
        (("randinit", removed, "--classes", "cup"), "no head"),
        (("remove", foreign), "got os2d, expected defrcn"),
        (("combine", base, base), "a class is named twice"),
    ):
        code, _, complaint = handful("surgery", *words, "--out", out)
        assert code == 2 and message in complaint
    assert not out.exists()


def test_the_output_must_be_a_weight_file(handful, base, tmp_path):
    code, _, complaint = handful("surgery", "remove", base, "--out", tmp_path / "a.pth")
    assert code == 2 and "ending in .safetensors" in complaint
