import json
import math

import pytest

from handful.errors import WeightsError
from handful.weights import Card


def test_the_card_survives_being_written_down():
    card = Card("os2d", {"a": (1, (2.5, math.inf)), "b": {"c": -math.inf}}, ("x",), "MIT", "drawn")
    assert Card.from_text(card.to_text()) == card
    assert card.config == {"a": [1, [2.5, math.inf]], "b": {"c": -math.inf}}


def test_the_text_is_strict_json():
    def refuse(name):
        raise AssertionError(name)

    text = Card("os2d", {"threshold": -math.inf}).to_text()
    assert json.loads(text, parse_constant=refuse)["config"] == {"threshold": "-inf"}


def test_the_card_says_which_version_wrote_it():
    assert Card("os2d").created_with


def test_a_deeply_nested_card_is_refused():
    with pytest.raises(WeightsError, match="cannot be read"):
        Card.from_text("[" * 100_000)
