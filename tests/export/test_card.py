from __future__ import annotations

import json
from dataclasses import replace

import pytest
from exported_detector import lite_card, loud_detector, nano_card
from tiny_domains import tiny_network

from handful.data.transforms import InputRule, Letterbox, ShortSide
from handful.errors import ExportError
from handful.export.card import GraphCard
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.model import YOLOX
from handful.nn.originals import WayBack


@pytest.mark.parametrize(
    "card",
    [
        replace(lite_card(), class_names=("naïve", "b"), pcb=True),
        nano_card(),
        replace(nano_card(), pixels=InputRule(canvas="square"), suppressed=False),
        replace(nano_card(), masks=True),
    ],
    ids=["short side", "letterbox", "square", "masks"],
)
def test_a_card_comes_back_from_its_text(card):
    assert GraphCard.from_text(card.to_text(), file="m.onnx") == card


def test_a_card_of_a_graph_that_was_written_before_masks_can_be_read():
    content = json.loads(nano_card().to_text())
    del content["masks"]
    assert GraphCard.from_text(json.dumps(content), file="m.onnx") == nano_card()


def test_a_card_prepares_pictures_as_the_model_does():
    assert GraphCard.of(loud_detector().model) == lite_card()


def nano(flavour):
    return YOLOX(YOLOXConfig(lite_card().class_names, "nano", flavour, (64, 64)))


def test_a_card_says_which_of_two_originals_a_yolox_follows():
    assert GraphCard.of(nano("megvii")) == nano_card()
    other = GraphCard.of(nano("mmdet"))
    assert other.resize == Letterbox((64, 64), "half_up")
    assert (other.pixels.canvas, other.way_back) == ("square", WayBack())
    assert GraphCard.of(tiny_network()).method == "ms2a"


def test_a_card_of_smaller_pictures():
    assert lite_card().scaled(0.5).resize == ShortSide((80,), 120)
    assert lite_card().scaled(0.5).pixels == lite_card().pixels
    smaller = nano_card().scaled(0.5)
    assert (smaller.resize, smaller.pixels.canvas) == (Letterbox((32, 32)), (32, 32))
    assert smaller.way_back == WayBack(frame=(32, 32))


def spoilt(**changes) -> str:
    return json.dumps({**json.loads(nano_card().to_text()), **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        '{"mean": "red"}',
        "[" * 100_000,
        spoilt(resize={"size": [64, 64], "longest": 3}),
        spoilt(resize={"size": [0, 64]}),
        spoilt(resize=7),
        spoilt(way_back=None),
        spoilt(pixels={"canvas": "round"}),
    ],
)
def test_a_text_that_is_no_card_is_refused(text):
    with pytest.raises(ExportError, match=r"m\.onnx"):
        GraphCard.from_text(text, file="m.onnx")
