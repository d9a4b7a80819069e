"""What one-shot detection costs: a picture's features, one more class, memory."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import nn

from handful.bench.machine import machine
from handful.bench.search_cost import SearchTask, random_network, random_templates, search_cost
from handful.errors import ConfigError
from handful.methods.os2d import OS2D, OS2DConfig
from handful.methods.os2d.config import V2
from handful.methods.os2d.convolution import SpectralConv2d
from handful.methods.os2d.lite import LITE
from handful.reporter import Reporter, SilentReporter, track

ONESHOT_MODELS = {"os2d-lite": LITE, "os2d-v2-resnet50": V2}
"""Networks that are measured; with random weights, which cost the same as trained ones."""

REFERENCE_RATIO = 0.081
"""One more class, as part of the ResNet-50 feature time of a level, in the original."""

FEW_CLASSES, MANY_CLASSES = 2, 10
"""One more class is the difference between matching so many and so few, divided."""


def bench_oneshot(
    models: Mapping[str, OS2DConfig] | None = None,
    *,
    image_size: tuple[int, int] = (960, 1280),
    repeats: int = 5,
    class_counts: Sequence[int] = (1, 100, 1000),
    reporter: Reporter | None = None,
) -> dict[str, object]:
    """Measure ``models`` at one level of ``image_size`` (height, width), as a JSON-able dict.

    Features, matching, and matching the plain way take turns ``repeats`` times, so that
    ratios hold on a busy machine too. Whole searches for each of ``class_counts`` run in
    processes of their own, for their memory; none if it is empty.
    """
    reporter = reporter or SilentReporter()
    for field, values in (
        ("repeats", (repeats,)),
        ("image_size", image_size),
        ("class_counts", class_counts),
    ):
        if any(value < 1 for value in values):
            raise ConfigError(
                "nothing to measure", field=field, got=min(values), expected="1 or more"
            )
    networks = dict(models or ONESHOT_MODELS)
    return {
        "benchmark": "oneshot",
        "image_size": list(image_size),
        "repeats": repeats,
        "reference_ratio": REFERENCE_RATIO,
        "machine": machine(),
        "models": [
            {
                "name": name,
                **level_times(config, image_size, repeats=repeats, reporter=reporter, name=name),
                "searches": search_costs(
                    config, image_size, class_counts, reporter=reporter, name=name
                ),
            }
            for name, config in networks.items()
        ],
    }


def level_times(
    config: OS2DConfig,
    image_size: tuple[int, int],
    *,
    repeats: int,
    reporter: Reporter,
    name: str,
) -> dict[str, object]:
    """Return seconds for a picture's features and for one more class, this way and plainly."""
    model, plain = random_network(config), plain_network(config)
    with torch.inference_mode():
        image = torch.randn(1, 3, *image_size)
        features = model.features(image)
        templates = random_templates(model, MANY_CLASSES)
        steps: dict[str, Callable[[], object]] = {
            "features": lambda: model.features(image),
            "few": lambda: model.match(features, templates[:FEW_CLASSES]),
            "many": lambda: model.match(features, templates),
            "plain_few": lambda: plain.match(features, templates[:FEW_CLASSES]),
            "plain_many": lambda: plain.match(features, templates),
        }
        rounds = []
        for _ in track(range(repeats + 1), reporter, f"{name}: features and classes"):
            rounds.append({step: seconds_of(run) for step, run in steps.items()})
    # The first round warms up: spectra of the weights, memory, clock rates.
    return summary(rounds[1:])


def summary(rounds: Sequence[Mapping[str, float]]) -> dict[str, object]:
    """Return medians and spreads of what ``rounds`` of ``level_times`` measured."""
    added = MANY_CLASSES - FEW_CLASSES
    features = [one["features"] for one in rounds]
    each = [(one["many"] - one["few"]) / added for one in rounds]
    plain = [(one["plain_many"] - one["plain_few"]) / added for one in rounds]
    return {
        "feature_seconds": spread(features),
        "class_seconds": spread(each),
        "class_ratio": spread([a / b for a, b in zip(each, features, strict=True)]),
        "plain_class_seconds": spread(plain),
        "plain_class_ratio": spread([a / b for a, b in zip(plain, features, strict=True)]),
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the smallest and the largest of ``values``."""
    return {"median": statistics.median(values), "low": min(values), "high": max(values)}


def seconds_of(run: Callable[[], object]) -> float:
    """Return how long ``run`` takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def plain_network(config: OS2DConfig) -> OS2D:
    """Return the same network with direct convolutions, sampling all template cells."""
    model = random_network(replace(config, template_border=0))
    convs = model.head.transform_net.convs
    for index, conv in enumerate(convs):
        assert isinstance(conv, SpectralConv2d)
        direct = nn.Conv2d(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size[0],
            padding=conv.kernel_size[0] // 2,
            padding_mode=config.regressor_padding,
        )
        direct.load_state_dict(conv.state_dict())
        convs[index] = direct
    return model


def search_costs(
    config: OS2DConfig,
    image_size: tuple[int, int],
    class_counts: Sequence[int],
    *,
    reporter: Reporter,
    name: str,
) -> list[dict[str, float | int | None]]:
    """Return what whole searches take: seconds, peak memory, and of it the class features."""
    costs = []
    for count in track(class_counts, reporter, f"{name}: whole searches"):
        task = SearchTask(config, image_size, count, threads=torch.get_num_threads())
        costs.append(search_cost(task)._asdict())
    return costs
