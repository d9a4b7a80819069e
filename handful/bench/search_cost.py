"""The cost of one whole search, taken in a process of its own so that its memory is its own."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from handful.bench.machine import peak_memory
from handful.bench.process import run_alone
from handful.memory import ClassMemory
from handful.methods.os2d import OS2D, OS2DConfig
from handful.predict.search import search_levels
from handful.predict.settings import SearchSettings


@dataclass(frozen=True)
class SearchTask:
    """What to search: a network with random weights, noise of a size, so many classes.

    image_size: (height, width) in pixels. threads: of the processor, 0 for its own choice.
    """

    config: OS2DConfig
    image_size: tuple[int, int]
    classes: int
    threads: int = 0


class SearchCost(NamedTuple):
    """What it took.

    loaded_bytes: in memory before the classes came; peak_bytes: at most, at the end; both
    None where the system does not tell. feature_bytes: the classes' features themselves.
    """

    classes: int
    seconds: float
    loaded_bytes: int | None
    peak_bytes: int | None
    feature_bytes: int


def search_cost(task: SearchTask) -> SearchCost:
    """Run ``search`` in a fresh process and return what it took."""
    cost = run_alone(
        __name__,
        asdict(task),
        what=f"the search for {task.classes} classes",
        remedy="measure fewer classes or a smaller picture",
    )
    return SearchCost(**cost)


def search(task: SearchTask) -> SearchCost:
    """Search noise for ``task.classes`` random classes at one scale, and say what it took.

    Random directions resemble nothing, so that hardly anything is found: what is measured is
    looking, not finding.
    """
    if task.threads:
        torch.set_num_threads(task.threads)
    model = random_network(task.config)
    height, width = task.image_size
    settings = SearchSettings(scales=(1.0,), max_level_pixels=height * width)
    with torch.inference_mode():
        image = torch.randn(1, 3, height, width)
        model.match(model.features(image), random_templates(model, 1))
        loaded = peak_memory()
        templates = random_templates(model, task.classes)
        memory = ClassMemory(
            names=tuple(map(str, range(task.classes))),
            features=templates,
            owner=torch.arange(task.classes),
            model="random",
        )
        start = time.perf_counter()
        search_levels(
            model,
            [model.features(image)],
            [task.image_size],
            memory=memory,
            image_size=task.image_size,
            settings=settings,
        )
        seconds = time.perf_counter() - start
    feature_bytes = templates.numel() * templates.element_size()
    return SearchCost(task.classes, seconds, loaded, peak_memory(), feature_bytes)


def random_network(config: OS2DConfig, *, seed: int = 0) -> OS2D:
    """Return an untrained network in evaluation mode whose maps are not all the identity."""
    torch.manual_seed(seed)
    model = OS2D(config).eval()
    torch.nn.init.normal_(model.head.transform_net.output.weight, std=0.01)
    return model


def random_templates(model: OS2D, count: int) -> Tensor:
    """Return class features ``[count, C, T, T]`` of unit length in random directions."""
    side = model.config.template_size
    templates = torch.empty(count, model.channels, side, side)
    for template in templates:
        template.normal_()
        template /= template.norm(dim=0)
    return templates


def main() -> None:
    """Read a task from standard input and write what it took to standard output."""
    fields = json.load(sys.stdin)
    config = OS2DConfig(**fields.pop("config"))
    task = SearchTask(config=config, **{**fields, "image_size": tuple(fields["image_size"])})
    sys.stdout.write(json.dumps(search(task)._asdict()))


if __name__ == "__main__":
    main()
