from __future__ import annotations

from dataclasses import replace

import pytest
from exported_detector import lite_card, lite_config

from handful.errors import ExportError
from handful.export.card import GraphCard
from handful.methods.defrcn.pictures import evaluation_resize, input_rule


def test_a_card_comes_back_from_its_text():
    card = replace(lite_card(), class_names=("naïve", "b"), divisor=32)
    assert GraphCard.from_text(card.to_text(), file="m.onnx") == card


def test_a_card_prepares_pictures_as_the_model_does():
    card, config = lite_card(), lite_config()
    assert card.input_rule() == input_rule(config)
    assert card.resize() == evaluation_resize(config)


@pytest.mark.parametrize("text", ["", "3", '{"mean": "red"}', "[" * 100_000])
def test_a_text_that_is_no_card_is_refused(text):
    with pytest.raises(ExportError, match=r"m\.onnx"):
        GraphCard.from_text(text, file="m.onnx")
