from dataclasses import replace

import pytest

from handful.errors import ConfigError
from handful.methods.yolox.config import YOLOXConfig, with_legacy_input
from handful.recipes.tree import from_dict, to_dict


@pytest.mark.parametrize(
    ("size", "side", "channels"), [("nano", 416, 64), ("tiny", 416, 96), ("x", 640, 320)]
)
def test_a_size_brings_its_numbers(size, side, channels):
    config = YOLOXConfig(("a",), size)
    assert (config.input_size, config.channels) == ((side, side), channels)


def test_an_input_size_that_is_given_stays():
    assert YOLOXConfig(size="nano", input_size=(320, 640)).input_size == (320, 640)


def test_what_is_written_can_be_read():
    config = with_legacy_input(YOLOXConfig(("a", "b"), "m", "mmdet", max_detections=5))
    assert from_dict(YOLOXConfig, to_dict(config)) == config
    assert config.channel_order == "rgb" and config.std[0] == pytest.approx(58.395)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("size", "xl", "no YOLOX of this size.*got xl"),
        ("flavour", "original", "'flavour'.*expected megvii or mmdet"),
        ("input_size", (416, 410), "'input_size'.*multiples of 32"),
        ("input_size", (-32, 32), "'input_size'"),
        ("std", (1.0, 0.0, 1.0), "'std'"),
        ("object_probability", 1.0, "'object_probability'"),
        ("nms_iou", 1.5, "'nms_iou'"),
        ("score_threshold", -0.1, "'score_threshold'"),
        ("kept_classes", -1, "'kept_classes'.*fewer"),
        ("max_detections", 0, "'max_detections'"),
    ],
)
def test_settings_without_sense_are_refused(field, value, message):
    with pytest.raises(ConfigError, match=message):
        replace(YOLOXConfig(), **{field: value})


def test_kept_classes_are_some_of_all():
    assert YOLOXConfig(("old", "new"), kept_classes=1).kept_classes == 1
    with pytest.raises(ConfigError, match="'kept_classes'.*got 2.*fewer"):
        YOLOXConfig(("old", "new"), kept_classes=2)
