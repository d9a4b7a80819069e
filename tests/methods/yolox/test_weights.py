import pytest
import torch

from handful.data.splits.divisions import COCO_CATEGORY_IDS
from handful.errors import ConfigError, WeightsError
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.weights import (
    convert_yolox_state,
    official_state,
    starting_entries,
)
from handful.weights import convert, load_weights

STEM = "backbone.backbone.stem.conv.conv.weight"


def empty(config):
    with torch.device("meta"):
        return YOLOX(config).state_dict()


def ours(count=3, size="nano"):
    return empty(YOLOXConfig(tuple(map(str, range(count))), size))


def official(count=3, size="nano", flavour="megvii"):
    """An official state without numbers."""
    return official_state(ours(count, size), flavour)


@pytest.mark.parametrize("flavour", ["megvii", "mmdet"])
@pytest.mark.parametrize("size", ["nano", "tiny", "s", "m", "l", "x"])
def test_naming_and_size_are_told_by_the_entries(size, flavour):
    state, config = convert_yolox_state(official(3, size, flavour))
    assert (config.size, config.flavour) == (size, flavour)
    assert list(state) == list(ours(3, size))


@pytest.mark.parametrize(
    ("count", "names"), [(80, tuple(COCO_CATEGORY_IDS)), (2, ("0", "1"))], ids=["COCO", "others"]
)
def test_classes_are_those_of_coco_or_numbers(count, names):
    assert convert_yolox_state(official(count))[1].class_names == names


def test_the_first_release_saw_normalised_pictures():
    _, config = convert_yolox_state(official(), "legacy")
    assert config.channel_order == "rgb" and config.mean[0] == pytest.approx(123.675)
    _, config = convert_yolox_state(official())
    assert config.channel_order == "bgr" and config.mean == (0, 0, 0)


@pytest.mark.parametrize(("flavour", "variant"), [("megvii", "coco"), ("mmdet", "legacy")])
def test_other_variants_are_refused(flavour, variant):
    with pytest.raises(ConfigError, match=f"'variant'.*got {variant}, expected none"):
        convert_yolox_state(official(flavour=flavour), variant)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop(STEM), "no YOLOX of Megvii or mmdet"),
        (lambda s: s.pop("head.cls_preds.0.weight"), r"lacks an entry.*head\.cls_preds\.0"),
        (lambda s: s.pop("head.stems.0.bn.bias"), r"lacks an entry.*expected a YOLOX-nano"),
        (lambda s: s.update({"head.extra.weight": torch.zeros(1)}), r"does not have.*head\.extra"),
        (
            lambda s: s.update({"head.cls_preds.1.weight": torch.zeros(5, 64, 1, 1)}),
            r"wrong shape.*head\.classes\.1\.weight.*got \[5, 64, 1, 1\], expected \[3, 64",
        ),
        (
            lambda s: s.update({STEM: torch.zeros(24, 12, 3, 3)}),
            r"no YOLOX of a known size.*got width 0\.375, depth 0\.33, depthwise.*nano, tiny",
        ),
    ],
    ids=["other network", "no classes", "missing", "left over", "class counts", "size"],
)
def test_checkpoints_that_do_not_fit_are_refused_by_entry(change, message):
    state = official()
    change(state)
    with pytest.raises(WeightsError, match=message):
        convert_yolox_state(state)


@pytest.mark.parametrize(("count", "taken"), [(3, True), (5, False)], ids=["as many", "others"])
def test_classes_are_taken_over_if_there_are_as_many(count, taken):
    config = YOLOXConfig(("a", "b", "c"), "nano")
    entries = starting_entries(ours(count), config)
    assert ("head.classes.0.weight" in entries) == taken
    assert "head.objectness.0.weight" in entries
    assert YOLOX(config).state_dict().keys() >= entries.keys()


def test_a_start_without_its_classes_is_taken_too():
    state = {name: one for name, one in ours().items() if not name.startswith("head.classes.")}
    assert starting_entries(state, YOLOXConfig(("a", "b", "c"), "nano")).keys() == state.keys()


def test_a_start_of_another_size_is_refused():
    with pytest.raises(WeightsError, match="expected a YOLOX-nano"):
        starting_entries(ours(3, "tiny"), YOLOXConfig(("a",), "nano"))


@pytest.mark.parametrize("flavour", ["megvii", "mmdet"])
def test_an_official_file_becomes_a_weight_file(tmp_path, flavour):
    torch.manual_seed(0)
    network = YOLOX(YOLOXConfig(("a", "b"), "nano", flavour))
    state = official_state(network.state_dict(), flavour)
    if flavour == "megvii":
        content = {"model": state, "start_epoch": 300, "optimizer": {"state": {}}}
    else:
        raw = {"ema_" + name.replace(".", "_"): value + 1 for name, value in state.items()}
        content = {"state_dict": {**state, **raw}, "meta": {"epoch": 300}}
    torch.save(content, tmp_path / "official.pth")
    loaded, card = load_weights(convert(tmp_path / "official.pth"))
    assert (card.method, card.licence, card.class_names) == ("yolox", "Apache-2.0", ("0", "1"))
    assert (card.config["size"], card.config["flavour"]) == ("nano", flavour)
    assert all(torch.equal(loaded[name], value) for name, value in network.state_dict().items())
