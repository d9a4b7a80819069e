"""Pictures as users have them, on their whole way to a network."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.images import image_size
from handful.data.loader import prepared, prepared_pictures
from handful.data.transforms import InputRule, Letterbox, ShortSide, Transform

RULE = InputRule(channel_order="bgr", divisor=32)
RESIZES = [ShortSide((64,), longest=128), Letterbox((64, 128)), Letterbox((64, 64), "half_up")]
GREY = 128


def drawn(folder: Path, kind: str) -> Path:
    """Save a picture of 90 x 40 that is grey all over, in one of many ways, upright."""
    size = (90, 40)
    turned = Image.Exif()
    turned[0x0112] = 6
    sixteen = numpy.full((40, 90), GREY * 257, numpy.uint16)
    make = {
        "grey.png": lambda: (Image.new("L", size, GREY), {}),
        "grey.jpg": lambda: (Image.new("L", size, GREY), {}),
        "alpha.png": lambda: (Image.new("RGBA", size, (GREY, GREY, GREY, 255)), {}),
        "grey alpha.png": lambda: (Image.new("LA", size, (GREY, 255)), {}),
        "sixteen.png": lambda: (Image.fromarray(sixteen), {}),
        "sixteen.tiff": lambda: (Image.fromarray(sixteen), {}),
        "palette.png": lambda: (Image.new("L", size, GREY).convert("P"), {}),
        "turned.jpg": lambda: (Image.new("RGB", size[::-1], (GREY,) * 3), {"exif": turned}),
        "turned.tiff": lambda: (Image.new("L", size[::-1], GREY), {"exif": turned}),
        "cmyk.jpg": lambda: (Image.new("CMYK", size, (0, 0, 0, 255 - GREY)), {"quality": 100}),
        "cmyk.tiff": lambda: (Image.new("CMYK", size, (0, 0, 0, 255 - GREY)), {}),
    }
    image, options = make[kind]()
    image.save(folder / kind, **options)
    return folder / kind


KINDS = (
    "grey.png",
    "grey.jpg",
    "alpha.png",
    "grey alpha.png",
    "sixteen.png",
    "sixteen.tiff",
    "palette.png",
    "turned.jpg",
    "turned.tiff",
    "cmyk.jpg",
    "cmyk.tiff",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("resize", RESIZES, ids=["short side", "letterbox", "half up"])
def test_every_kind_reaches_the_network_as_the_same_grey(tmp_path, kind, resize: Transform):
    batch = prepared(drawn(tmp_path, kind), resize, RULE)
    height, width = batch.sizes[0].tolist()
    assert batch.images.shape[1] == 3
    assert batch.originals == ((40, 90),)
    assert width / height == pytest.approx(90 / 40, rel=0.05)
    seen = batch.images[0, :, :height, :width]
    assert float((seen - GREY).abs().max()) <= 2


def test_boxes_fit_on_all_kinds_in_one_set(tmp_path):
    pictures = []
    for number, kind in enumerate(KINDS):
        path = drawn(tmp_path, kind)
        height, width = image_size(path)
        pictures.append(Picture(number, kind, width, height, path))
    table = BoxTable.of(range(len(KINDS)), [(9, 4, 45, 40)] * len(KINDS), [0] * len(KINDS))
    dataset = Dataset("awkward", tuple(pictures), table, ("thing",))
    batches = list(prepared_pictures(dataset, Letterbox((64, 128)), RULE, batch=4))
    boxes = torch.cat([targets.boxes for batch in batches for targets in batch.targets])
    assert len(boxes) == len(KINDS)
    assert torch.allclose(boxes, boxes[:1].expand_as(boxes), atol=1e-4)


@pytest.mark.integration
@pytest.mark.parametrize(("mode", "colour"), [("L", GREY), ("RGBA", (GREY, GREY, GREY, 255))])
def test_very_wide_panoramas_are_read_and_fitted(tmp_path, mode, colour):
    path = tmp_path / "wide.png"
    Image.new(mode, (9000, 2000), colour).save(path, compress_level=1)
    batch = prepared(path, Letterbox((640, 640)), RULE)
    assert batch.sizes.tolist() == [[142, 640]]
    assert batch.originals == ((2000, 9000),)
    assert float((batch.images[0, :, :142] - GREY).abs().max()) == 0
