import pytest
import torch

from handful.data.splits.divisions import COCO_CATEGORY_IDS
from handful.errors import ConfigError, WeightsError
from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.keys import official_key
from handful.methods.o2f.model import O2F
from handful.methods.o2f.start import start_from_detector
from handful.methods.o2f.weights import (
    convert_o2f_state,
    imagenet_entries,
    merged_order,
    official_state,
    split_order,
)
from handful.weights import convert, load_weights

SMALL = {"trunk": "efficientnet_lite0", "channels": 16, "quality_channels": 16, "group_count": 4}


def official(count=3, trunk="resnet50", masks=False):
    """An official state without numbers."""
    config = O2FConfig(tuple(map(str, range(count))), trunk, masks)
    with torch.device("meta"):
        return official_state(O2F(config).state_dict(), masks=masks)


@pytest.mark.parametrize("wrapped", ["", "module."])
@pytest.mark.parametrize(
    ("trunk", "masks"), [("resnet50", False), ("resnet101", True), ("swin_t", False)]
)
def test_trunk_and_masks_are_told_by_the_entries(trunk, masks, wrapped):
    state = {wrapped + name: value for name, value in official(3, trunk, masks).items()}
    _, config = convert_o2f_state(state)
    assert (config.trunk, config.masks, config.class_count) == (trunk, masks, 3)
    assert config.box_weight == (1.0 if masks else 2.0)


@pytest.mark.parametrize(
    ("count", "variant", "names"),
    [
        (80, None, tuple(COCO_CATEGORY_IDS)),
        (2, None, ("0", "1")),
        (1, None, ("0",)),
        (1, "crowdhuman", ("person",)),
    ],
)
def test_classes_are_those_of_coco_of_crowdhuman_or_numbers(count, variant, names):
    config = convert_o2f_state(official(count), variant)[1]
    assert config.class_names == names
    assert config.max_detections == (500 if variant else 100)


def test_counters_may_be_absent_and_unused_entries_there():
    state = official(2, masks=True)
    state = {name: one for name, one in state.items() if not name.endswith("num_batches_tracked")}
    state["bbox_head.sizes_of_interest"] = torch.zeros(5)
    converted, config = convert_o2f_state(state)
    with torch.device("meta"):
        assert converted.keys() == O2F(config).state_dict().keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("bbox_head.conv_cls.bias"), "lacks an entry.*conv_cls.bias"),
        (lambda s: s.pop("neck.fpn_convs.3.conv.bias"), "lacks an entry.*neck.fpn_convs.3"),
        (lambda s: s.update({"bbox_head.extra": torch.zeros(1)}), "does not have.*bbox_head.extra"),
        (
            lambda s: s.update({"bbox_head.conv_reg.bias": torch.zeros(5)}),
            r"wrong shape.*head\.distances\.bias.*got \[5\], expected \[4\]",
        ),
    ],
)
def test_checkpoints_that_do_not_fit_are_refused_by_entry(change, message):
    state = official()
    change(state)
    with pytest.raises(WeightsError, match=message):
        convert_o2f_state(state)


def test_other_variants_are_refused():
    with pytest.raises(ConfigError, match="'variant'.*got coco, expected crowdhuman or none"):
        convert_o2f_state(official(1), "coco")
    with pytest.raises(WeightsError, match="not of crowdhuman.*got 3 classes"):
        convert_o2f_state(official(3), "crowdhuman")


def test_a_name_without_counterpart_is_refused():
    with pytest.raises(WeightsError, match="no counterpart.*'head.unknown.weight'"):
        official_key("head.unknown.weight")


def test_merged_patches_change_places_and_back():
    channels = (100, 200, 300)
    # Rows and columns of the four patches are the tens and ones.
    theirs = torch.tensor([channel + patch for channel in channels for patch in (0, 1, 10, 11)])
    ours = torch.tensor([channel + patch for patch in (0, 10, 1, 11) for channel in channels])
    assert torch.equal(merged_order(theirs), ours)
    assert torch.equal(split_order(ours), theirs)


def test_the_trunk_starts_from_a_classifier():
    with torch.device("meta"):
        network = O2F(O2FConfig(("a",)))
    trunk = {
        n.removeprefix("trunk."): v
        for n, v in network.state_dict().items()
        if n.startswith("trunk.")
    }
    entries = imagenet_entries(network, {**trunk, "fc.weight": trunk["conv1.weight"]})
    assert entries.keys() == {f"trunk.{name}" for name in trunk}
    del trunk["layer4.2.conv3.weight"]
    with pytest.raises(WeightsError, match="lacks an entry.*layer4.2.conv3"):
        imagenet_entries(network, trunk)


def test_classes_that_the_base_knows_are_kept_by_name():
    torch.manual_seed(0)
    base = O2F(O2FConfig(("cat", "dog", "cow"), **SMALL))
    network = start_from_detector(
        O2F(O2FConfig(("cow", "hen"), **SMALL)),
        base.state_dict(),
        base_classes=base.config.class_names,
    )
    weight = network.head.classes.weight
    assert torch.equal(weight[0], base.head.classes.weight[2])
    assert not torch.equal(weight[1], base.head.classes.weight[1])
    assert torch.equal(network.head.quality.weight, base.head.quality.weight)
    with pytest.raises(WeightsError, match="O2F with trunk"):
        start_from_detector(
            O2F(O2FConfig(("cow",), **{**SMALL, "channels": 32})),
            base.state_dict(),
            base_classes=(),
        )


def test_an_official_file_of_crowdhuman_becomes_a_weight_file(tmp_path):
    torch.manual_seed(0)
    network = O2F(O2FConfig(("person",)))
    state = official_state(network.state_dict())
    content = {"state_dict": state, "meta": {"epoch": 50, "CLASSES": ("person",)}, "optimizer": {}}
    torch.save(content, tmp_path / "official.pth")
    loaded, card = load_weights(convert(tmp_path / "official.pth", variant="crowdhuman"))
    assert (card.method, card.licence, card.class_names) == ("o2f", "Apache-2.0", ("person",))
    assert card.config["points_per_object"] == 4
    assert all(torch.equal(loaded[name], value) for name, value in network.state_dict().items())
