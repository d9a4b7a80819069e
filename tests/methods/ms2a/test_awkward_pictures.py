"""Pictures as users have them, through everything that learns from them and searches them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image, ImageDraw
from tiny_domains import SIDE, TINY, domain_pictures, tiny_network

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.images import image_size
from handful.methods.ms2a.domains import join_domains
from handful.methods.ms2a.memory import extract_maps
from handful.methods.ms2a.recipes import detector_config
from handful.methods.ms2a.stream import Exchange, adaptation_stream
from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.pictures import DenseAugmentation
from handful.predict.trained import TrainedDetector
from handful.recipes.settings import TrainSettings

SIZE = (90, 40)
KINDS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "grey.png": lambda picture: picture,
    "alpha.png": lambda picture: picture.convert("RGBA"),
    "grey alpha.png": lambda picture: picture.convert("LA"),
    "sixteen.png": lambda picture: Image.fromarray(
        numpy.asarray(picture).astype(numpy.uint16) * 257
    ),
    "sixteen.tiff": lambda picture: Image.fromarray(
        numpy.asarray(picture).astype(numpy.uint16) * 257
    ),
}
NOISELESS = DenseAugmentation(mixup=0.0, hue=0.0, saturation=0.0, value=0.0)


def plain(size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a grey picture with a bright square."""
    picture = Image.new("L", size, 128)
    ImageDraw.Draw(picture).rectangle((10, 10, 30, 30), fill=220)
    return picture


@pytest.fixture
def awkward(tmp_path: Path) -> Dataset:
    """One picture, stored in every way, with its box."""
    pictures = []
    for number, (name, stored) in enumerate(KINDS.items()):
        stored(plain()).save(tmp_path / name)
        height, width = image_size(tmp_path / name)
        pictures.append(Picture(number, name, width, height, tmp_path / name))
    count = len(pictures)
    table = BoxTable.of(range(count), [(10, 10, 31, 31)] * count, [0] * count)
    return Dataset("awkward", tuple(pictures), table, TINY.class_names)


def yolox(flavour: str) -> TrainedDetector:
    torch.manual_seed(0)
    config = YOLOXConfig(("a", "b"), "nano", flavour, (SIDE, SIDE), score_threshold=0.0)  # type: ignore[arg-type]
    return TrainedDetector(YOLOX(config), score=None)


def ms2a() -> TrainedDetector:
    return TrainedDetector(tiny_network(score_threshold=0.0, least_score=0.0), score=None)


@pytest.mark.parametrize(
    "build",
    [lambda: yolox("megvii"), lambda: yolox("mmdet"), ms2a],
    ids=["megvii", "mmdet", "ms2a"],
)
def test_every_kind_is_searched_as_the_same_picture(awkward: Dataset, build) -> None:
    detector = build()
    expected = detector.detect(plain().convert("RGB"))
    assert len(expected) and expected.image_size == SIZE[::-1]
    for picture in awkward.pictures:
        found = detector.detect(picture.read())
        assert torch.equal(found.boxes, expected.boxes), picture.file_name
        assert torch.equal(found.scores, expected.scores), picture.file_name


@pytest.mark.parametrize("mosaic", [0.0, 1.0])
def test_every_kind_is_learnt_from(awkward: Dataset, mosaic: float) -> None:
    joined = join_domains([awkward, domain_pictures(2, background=20)], [1, 2])
    stream = adaptation_stream(
        joined,
        TINY,
        Exchange(replace(NOISELESS, mosaic=mosaic)),
        rule=tiny_network().input_rule(),
        settings=TrainSettings(steps=4, batch=4),
    )
    batches = list(islice(stream.batches(), 4))
    seen = {picture for batch in batches for picture in batch.pictures}
    assert seen >= set(range(len(awkward)))
    assert all(one.images.shape == (4, 3, SIDE, SIDE) for one in batches)
    assert any(len(targets) for one in batches for targets in one.targets)


def test_every_kind_is_remembered_alike(awkward: Dataset, tmp_path: Path) -> None:
    torch.manual_seed(0)
    store = extract_maps(YOLOX(detector_config(TINY)), awkward, tmp_path / "maps")
    first, *others = (store.path(number).read_bytes() for number in range(len(awkward)))
    assert all(one == first for one in others)


@pytest.mark.integration
def test_a_very_wide_picture_is_searched_learnt_from_and_remembered(tmp_path: Path) -> None:
    path = tmp_path / "wide.png"
    plain((9000, 2000)).save(path, compress_level=1)
    found = yolox("megvii").detect(path)
    assert found.image_size == (2000, 9000) and len(found)
    widest = (found.boxes[:, 2] - found.boxes[:, 0]).max()
    assert found.boxes.isfinite().all() and widest > SIDE
    picture = Picture(1, "wide.png", 9000, 2000, path)
    table = BoxTable.of([0], [(900, 200, 4500, 1900)], [0])
    wide = Dataset("wide", (picture,), table, TINY.class_names)
    joined = join_domains([wide, domain_pictures(1, background=20)], [1, 1])
    stream = adaptation_stream(
        joined,
        TINY,
        Exchange(replace(NOISELESS, mosaic=0.0), copy_paste=None),
        rule=tiny_network().input_rule(),
        settings=TrainSettings(steps=1, batch=2),
    )
    batch = next(iter(stream.batches()))
    row = batch.pictures.index(0)
    left, top, right, bottom = batch.targets[row].boxes[0].tolist()
    # Shown at 64 x 14; mirrored or not, its object is 3600 pixels of 9000 wide.
    assert right - left == pytest.approx(SIDE * 0.4, abs=0.1)
    assert 0 <= top < bottom <= 14
    store = extract_maps(YOLOX(detector_config(TINY)), wide, tmp_path / "maps")
    assert store.path(0).stat().st_size > 0


OUTSIDE = ((90.0, 90.0, 95.0, 90.0, 95.0, 95.0),)
CUT = ((-40.0, -40.0, 30.0, -40.0, 30.0, 30.0, -40.0, 30.0),)
TWO_POINTS = ((10.0, 10.0, 20.0, 20.0),)


@pytest.mark.parametrize(
    "outline", [OUTSIDE, CUT, TWO_POINTS, ()], ids=["outside", "cut", "two points", "none"]
)
def test_objects_whose_outlines_fall_outside_still_cross_domains(outline) -> None:
    bright = domain_pictures(3, background=200)
    bright = replace(bright, outlines=(outline,) * len(bright.table))
    dark = domain_pictures(3, background=20)
    exchange = Exchange(replace(NOISELESS, mosaic=0.0, flip=0.0))
    stream = adaptation_stream(
        join_domains([bright, dark], [1, 1]),
        TINY,
        exchange,
        rule=tiny_network().input_rule(),
        settings=TrainSettings(steps=8, batch=3),
    )
    most = 0
    for batch in islice(stream.batches(), 8):
        assert batch.domains is not None
        for targets, domain in zip(batch.targets, batch.domains.tolist(), strict=True):
            assert targets.boxes.isfinite().all() and (targets.boxes[:, 2:] <= SIDE).all()
            most = max(most, len(targets) if domain else 0)
    assert most > 2
