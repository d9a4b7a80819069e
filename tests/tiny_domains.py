"""A tiny MS2A and pictures of two domains, for tests that must be quick."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageDraw

from handful.api.trained import save_detector
from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.formats import write_dataset
from handful.methods.ms2a.config import MS2AConfig
from handful.methods.ms2a.model import MS2A
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.model import YOLOX

SIDE = 64
TINY = MS2AConfig(class_names=("disc", "bar"), size="nano", input_size=(SIDE, SIDE), clusters=6)


def tiny_network(**changes) -> MS2A:
    """Return a network that remembers chance patterns."""
    torch.manual_seed(0)
    network = MS2A(replace(TINY, **changes))
    for name in network.config.domains:
        sizes = network.config.memory_sizes
        network.remember(name, [torch.randn(network.config.clusters, *size) for size in sizes])
    return network


def domain_pictures(count: int, *, background: int, name: str = "drawn") -> Dataset:
    """Return pictures with a disc and a bar each on a grey of this value."""
    random = numpy.random.default_rng(background)
    pictures, boxes = [], []
    for number in range(count):
        image = Image.new("RGB", (SIDE + 16, SIDE), (background,) * 3)
        pen = ImageDraw.Draw(image)
        x, y = (int(v) for v in random.integers(2, 20, 2))
        pen.ellipse((x, y, x + 20, y + 20), fill=(220, 30, 30))
        pen.rectangle((x + 24, y + 24, x + 50, y + 36), fill=(30, 60, 220))
        boxes += [(x, y, x + 21, y + 21), (x + 24, y + 24, x + 51, y + 37)]
        pictures.append(Picture(number + 1, f"{name}{number}.png", SIDE + 16, SIDE, image))
    rows = [number for number in range(count) for _ in range(2)]
    table = BoxTable.of(rows, boxes, [0, 1] * count)
    return Dataset(name, tuple(pictures), table, TINY.class_names)


ADAPT_QUICKLY = {
    **{
        f"{step}.train.{name}": value
        for step in ("base", "source", "target", "fine_tune")
        for name, value in {"steps": 2, "batch": 2, "warmup": 0, "hold": 1, "closing": 1}.items()
    },
    "memory.kmeans.clusters": TINY.clusters,
    "model.clusters": TINY.clusters,
    "memory.kmeans.batch": 64,
    "memory.kmeans.iterations": 2,
    "source_few": 2,
}
"""What makes adapting a matter of seconds."""


def write_tiny_base(path: Path) -> Path:
    """Write a plain detector that knows one of the classes, and another."""
    torch.manual_seed(0)
    network = YOLOX(YOLOXConfig(("cat", "disc"), size="nano", input_size=(SIDE, SIDE)))
    save_detector(network, path, source="chance")
    return path


def write_domains(folder: Path) -> None:
    """Write a base, a labelled source, a target with two labelled pictures, and others of it."""
    target = domain_pictures(5, background=20, name="dark")
    for name, pictures in {
        "source": domain_pictures(4, background=200, name="bright"),
        "few": target.subset([0, 1]),
        "target": target,
    }.items():
        write_dataset(pictures, folder / name / "all.json", format="coco")
    write_tiny_base(folder / "base.safetensors")
