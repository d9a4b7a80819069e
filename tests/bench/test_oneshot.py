from __future__ import annotations

import json

import pytest
import torch
from tiny_detector import CONFIG
from torch import nn

from handful.bench.oneshot import bench_oneshot, plain_network, summary
from handful.bench.search_cost import random_network, random_templates
from handful.errors import ConfigError
from handful.methods.os2d import convolution


def test_one_more_class_is_the_difference_of_many_and_few() -> None:
    rounds = [
        {"features": 2.0, "few": 1.0, "many": 1.8, "plain_few": 1.0, "plain_many": 5.0},
        {"features": 4.0, "few": 1.0, "many": 2.6, "plain_few": 1.0, "plain_many": 5.0},
        {"features": 1.0, "few": 2.0, "many": 2.8, "plain_few": 1.0, "plain_many": 5.0},
    ]
    found = summary(rounds)
    assert found["feature_seconds"] == {"median": 2.0, "low": 1.0, "high": 4.0}
    assert found["class_seconds"]["median"] == pytest.approx(0.1)
    assert found["class_ratio"]["median"] == pytest.approx(0.05)
    assert found["plain_class_seconds"]["median"] == pytest.approx(0.5)


def test_plain_network_says_the_same_without_spectra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "GAIN_NEEDED", 0.0)
    fast, plain = random_network(CONFIG), plain_network(CONFIG)
    assert all(type(conv) is nn.Conv2d for conv in plain.head.transform_net.convs)
    assert len(plain.head.inner_points) == 49
    features = torch.randn(1, fast.channels, 9, 14)
    templates = random_templates(fast, 2)
    with torch.inference_mode():
        ours, theirs = fast.match(features, templates), plain.match(features, templates)
    assert torch.allclose(ours.corners, theirs.corners, atol=1e-3)
    assert torch.allclose(ours.loc, theirs.loc, atol=1e-4)


def test_nothing_is_measured_in_no_repeats() -> None:
    with pytest.raises(ConfigError, match="repeats"):
        bench_oneshot({"tiny": CONFIG}, repeats=0)


def test_result_is_json_with_all_figures() -> None:
    found = bench_oneshot({"tiny": CONFIG}, image_size=(64, 96), repeats=2, class_counts=())
    (model,) = json.loads(json.dumps(found))["models"]
    assert model["name"] == "tiny"
    assert model["searches"] == []
    assert 0 < model["feature_seconds"]["low"] <= model["feature_seconds"]["high"]
    assert found["image_size"] == [64, 96]


@pytest.mark.integration
def test_whole_searches_are_measured_for_every_number_of_classes() -> None:
    found = bench_oneshot({"tiny": CONFIG}, image_size=(64, 96), repeats=1, class_counts=(1, 3))
    (model,) = found["models"]
    assert [cost["classes"] for cost in model["searches"]] == [1, 3]
    assert all(cost["seconds"] > 0 for cost in model["searches"])
