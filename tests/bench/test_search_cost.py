from __future__ import annotations

import pytest
import torch
from tiny_detector import CONFIG

from handful.bench.search_cost import SearchTask, random_network, random_templates, search_cost
from handful.errors import HandfulError


def test_random_networks_bend_their_maps_and_repeat() -> None:
    first, second = random_network(CONFIG), random_network(CONFIG)
    weight = first.head.transform_net.output.weight
    assert weight.abs().max() > 0
    assert torch.equal(weight, second.head.transform_net.output.weight)


def test_random_templates_are_unit_vectors() -> None:
    model = random_network(CONFIG)
    templates = random_templates(model, 3)
    assert templates.shape == (3, model.channels, 7, 7)
    assert torch.allclose(templates.norm(dim=1), torch.tensor(1.0), atol=1e-5)


@pytest.mark.integration
def test_memory_grows_by_the_class_features_alone() -> None:
    few, many = (search_cost(SearchTask(CONFIG, (96, 128), count, 1)) for count in (1, 2000))
    assert many.classes == 2000
    assert many.feature_bytes == 2000 * few.feature_bytes
    assert many.seconds > few.seconds > 0
    if few.peak_bytes is not None and many.peak_bytes is not None:
        grown = many.peak_bytes - few.peak_bytes
        assert many.feature_bytes < grown < many.feature_bytes + 300 * 2**20


@pytest.mark.integration
def test_a_search_that_fails_says_why() -> None:
    with pytest.raises(HandfulError, match="3 classes did not end well"):
        search_cost(SearchTask(CONFIG, (0, 0), 3))
