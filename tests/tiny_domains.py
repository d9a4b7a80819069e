"""A tiny MS2A and pictures of two domains, for tests that must be quick."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file

from handful.api.trained import save_detector
from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.formats import write_dataset
from handful.files import write_json
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


def write_tiny_base(path: Path, class_names: tuple[str, ...] = ("cat", "disc")) -> Path:
    """Write a plain detector; unless told, it knows one of the classes, and another."""
    torch.manual_seed(0)
    network = YOLOX(YOLOXConfig(class_names, size="nano", input_size=(SIDE, SIDE)))
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


SCENARIO = "kitti-cityscapes"
"""Of the published ones, the scenario whose files ``write_scenario`` draws."""


def train_quickly(stages: Sequence[str] = ("",)) -> dict[str, object]:
    """Return what makes a published recipe a matter of seconds; "" for the recipe of one stage."""
    changes: dict[str, object] = {
        "model.input_size": f"{SIDE},{SIDE}",
        "model.clusters": TINY.clusters,
        "memory.kmeans.clusters": TINY.clusters,
        "memory.kmeans.batch": 64,
        "memory.kmeans.iterations": 2,
        "scales.low": 1,
        "scales.high": 3,
        "scales.every": 1,
        "train.steps": 3,
        "train.batch": 2,
        "train.accumulate": 1,
        "train.warmup": 1,
        "train.hold": 1,
        "train.closing": 1,
        "train.evaluate_every": 2,
        "train.evaluate_closing": 0,
        "train.checkpoint_every": 1,
        "train.precision": "32",
    }
    return {
        f"{stage}.{name}" if stage else name: value
        for stage in stages
        for name, value in changes.items()
    }


def write_scenario(root: Path) -> None:
    """Write source and target as the authors name folders and files, with discs for cars."""
    bright = domain_pictures(4, background=200, name="bright")
    dark = domain_pictures(5, background=20, name="dark")
    for name, pictures, few in (("kitti", bright, 64), ("cityscapes", dark, 8)):
        for part, chosen in (("train", [0, 1, 2]), ("val", list(range(3, len(pictures))))):
            _write_coco(pictures.subset(chosen), root / name, f"{part}2014")
        _write_coco(pictures.subset([0, 1]), root / name, "train2014", ending=f"_{few}")


def write_coco_folder(root: Path, class_names: Sequence[str]) -> None:
    """Write pictures as COCO names folders and files; of its classes, two have objects."""
    drawn = domain_pictures(4, background=200, name="bright")
    for part, chosen in (("train2017", [0, 1, 2]), ("val2017", [2, 3])):
        _write_coco(drawn.subset(chosen), root, part, class_names=class_names)


def assert_same_tensors(one: Path, other: Path) -> None:
    """Fail unless two weight files hold the same numbers by the same names."""
    ours, theirs = load_file(one), load_file(other)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), f"{one.name}: {name}"


def _write_coco(
    pictures: Dataset,
    place: Path,
    part: str,
    *,
    ending: str = "",
    class_names: Sequence[str] = ("car", "bar"),
) -> None:
    (place / part).mkdir(parents=True, exist_ok=True)
    for one in pictures.pictures:
        one.read().save(place / part / one.file_name)
    images = [
        {"id": one.id, "file_name": one.file_name, "width": one.width, "height": one.height}
        for one in pictures.pictures
    ]
    table = pictures.table
    annotations = [
        {
            "id": row + 1,
            "image_id": pictures.pictures[int(table.picture[row])].id,
            "category_id": int(table.labels[row]) + 1,
            "bbox": [x1, y1, x2 - x1, y2 - y1],
            "area": (x2 - x1) * (y2 - y1),
            "iscrowd": 0,
        }
        for row, (x1, y1, x2, y2) in enumerate(table.boxes.tolist())
    ]
    categories = [{"id": number, "name": name} for number, name in enumerate(class_names, start=1)]
    write_json(
        place / "annotations" / f"instances_{part}{ending}.json",
        {"images": images, "annotations": annotations, "categories": categories},
    )
