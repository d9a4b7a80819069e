"""Search settings: what a model asks for, what a user changes, what makes no sense."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from handful.errors import ConfigError
from handful.methods.os2d import OS2DConfig
from handful.predict.settings import DEFAULT_SCORE, SearchOptions, SearchSettings


def test_the_models_own_settings_are_taken() -> None:
    config = OS2DConfig(pyramid=(0.5, 1.0), image_size=900, nms_iou=0.4, score_threshold=0.7)
    settings = SearchSettings.of(config)
    assert (settings.scales, settings.image_size) == ((0.5, 1.0), 900)
    assert (settings.nms_iou, settings.score) == (0.4, 0.7)


def test_a_model_without_a_threshold_gets_the_users_default() -> None:
    assert SearchSettings.of(OS2DConfig()).score == DEFAULT_SCORE


def test_options_change_what_is_given_and_nothing_else() -> None:
    settings = SearchSettings(scales=(1.0,), score=0.3, across_classes=True)
    assert SearchOptions().over(settings) == settings
    changed = SearchOptions(score=0.0, scales=(0.5, 2.0), views="horflip").over(settings)
    assert changed == replace(settings, score=0.0, scales=(0.5, 2.0), views="horflip")
    assert SearchOptions(best_class_only=True).over(SearchSettings(scales=(1,))).across_classes


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("scales", ()),
        ("scales", (1.0, 0.0)),
        ("scales", (math.inf,)),
        ("score", math.nan),
        ("nms_iou", 1.5),
        ("image_size", 0),
        ("max_detections", 0),
        ("max_per_class", -1),
        ("max_bytes", 0),
        ("max_level_pixels", 0),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        replace(SearchSettings(scales=(1.0,)), **{field: value})
