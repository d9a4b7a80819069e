"""Reading pictures of every kind, and refusing what is none."""

from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from handful.data import images
from handful.data.images import AsStored, find_images, image_size, is_turned, read_image
from handful.errors import DataError

RED, WHITE = (255, 0, 0), (255, 255, 255)


def save(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def turned(path: Path, orientation: int, **options) -> Path:
    """Save a 4 x 2 picture whose top left pixel is red, with an EXIF orientation."""
    image = Image.new("RGB", (4, 2), "white")
    image.putpixel((0, 0), RED)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return save(path, image, exif=exif, **options)


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [
        (1, (4, 2), (0, 0)),
        (2, (4, 2), (3, 0)),
        (3, (4, 2), (3, 1)),
        (4, (4, 2), (0, 1)),
        (5, (2, 4), (0, 0)),
        (6, (2, 4), (1, 0)),
        (7, (2, 4), (1, 3)),
        (8, (2, 4), (0, 3)),
        (77, (4, 2), (0, 0)),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".webp"])
def test_a_picture_is_turned_upright_by_exif(tmp_path, suffix, orientation, size, red_at):
    options = {"lossless": True} if suffix == ".webp" else {}
    path = turned(tmp_path / f"a{suffix}", orientation, **options)
    image = read_image(path)
    assert image.size == size
    assert image.getpixel(red_at) == RED
    assert image_size(path) == (size[1], size[0])


def test_a_jpeg_is_turned_upright_once_however_often_it_is_read(tmp_path):
    path = turned(tmp_path / "a.jpg", 6)
    once = read_image(path)
    assert once.size == (2, 4)
    assert read_image(once).size == (2, 4)
    assert read_image(Image.open(path)).size == (2, 4)
    assert read_image(lambda: read_image(path)).size == (2, 4)
    assert is_turned(path)


def test_as_stored_leaves_the_exif_orientation_out(tmp_path):
    path = turned(tmp_path / "a.jpg", 6)
    assert read_image(AsStored(path)).size == (4, 2)
    assert image_size(path, as_stored=True) == (2, 4)


def test_a_damaged_exif_block_is_no_reason_to_refuse(tmp_path):
    path = save(tmp_path / "a.jpg", Image.new("RGB", (4, 2)), exif=b"Exif\x00\x00MM\x00*\xff\xff")
    assert read_image(path).size == (4, 2)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, WHITE),
        ("L", 100, (100, 100, 100)),
        ("LA", (0, 0), WHITE),
        ("LA", (0, 255), (0, 0, 0)),
        ("RGBA", (255, 0, 0, 0), WHITE),
        ("RGBA", (255, 0, 0, 255), RED),
        ("RGBA", (0, 0, 0, 51), (204, 204, 204)),
        ("P", 0, (0, 0, 0)),
    ],
)
def test_modes_of_png_become_rgb_on_white(tmp_path, mode, colour, expected):
    path = save(tmp_path / "a.png", Image.new(mode, (3, 2), colour))
    image = read_image(path)
    assert (image.mode, image.size, image.getpixel((1, 1))) == ("RGB", (3, 2), expected)


def test_a_transparent_palette_colour_becomes_white(tmp_path):
    image = Image.new("P", (3, 2), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    path = save(tmp_path / "a.png", image, transparency=1)
    assert read_image(path).getpixel((0, 0)) == WHITE


def test_cmyk_is_converted(tmp_path):
    path = save(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=100)
    red, green, blue = read_image(path).getpixel((3, 3))
    assert red > 250
    assert max(green, blue) < 5


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_sixteen_bits_are_scaled_to_eight(tmp_path, suffix):
    values = numpy.array([[0, 128, 257, 32768, 65535]], dtype=numpy.uint16)
    path = save(tmp_path / f"a{suffix}", Image.fromarray(values))
    assert numpy.asarray(read_image(path))[0, :, 0].tolist() == [0, 0, 1, 128, 255]


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("kind", [numpy.uint8, numpy.uint16])
def test_grey_pictures_are_turned_upright_at_any_depth(tmp_path, suffix, kind):
    steps = numpy.arange(6).reshape(2, 3)
    values = (steps * (numpy.iinfo(kind).max // 5)).astype(kind)
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / f"a{suffix}", Image.fromarray(values), exif=exif)
    seen = numpy.asarray(read_image(path))[:, :, 0]
    assert seen.tolist() == numpy.rot90(steps * 51, -1).tolist()
    assert image_size(path) == (3, 2)
    assert numpy.array_equal(numpy.asarray(read_image(Image.open(path)))[:, :, 0], seen)


def sixteen_bit_png(path: Path, values: numpy.ndarray, colour_type: int) -> Path:
    """Write ``values`` [H, W, C] as they are; Pillow writes colours of 8 bits only."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return save_bytes(path, b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize(
    ("colour_type", "pixel", "expected"),
    [
        (2, (65535, 0, 32896), (255, 0, 128)),
        (4, (32896, 65535), (128, 128, 128)),
        (4, (0, 0), WHITE),
        (6, (65535, 0, 0, 65535), RED),
        (6, (65535, 0, 0, 0), WHITE),
    ],
    ids=["rgb", "grey opaque", "grey transparent", "rgb opaque", "rgb transparent"],
)
def test_colours_of_sixteen_bits_are_scaled(tmp_path, colour_type, pixel, expected):
    values = numpy.full((2, 3, len(pixel)), pixel, numpy.uint16)
    image = read_image(sixteen_bit_png(tmp_path / "a.png", values, colour_type))
    assert (image.mode, image.size, image.getpixel((2, 1))) == ("RGB", (3, 2), expected)


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (numpy.full((2, 3), 7, numpy.uint8), (7, 7, 7)),
        (numpy.full((2, 3, 1), 7, numpy.int64), (7, 7, 7)),
        (numpy.full((2, 3, 3), 0.2, numpy.float32), (51, 51, 51)),
        (numpy.full((2, 3, 4), [0, 0, 0, 0], numpy.uint8), WHITE),
        (numpy.full((2, 3), 65535, numpy.uint16), WHITE),
        (numpy.full((2, 3), 65535, ">u2"), WHITE),
        (numpy.ones((2, 3), bool), WHITE),
        (torch.full((3, 2, 3), 0.2), (51, 51, 51)),
        (torch.full((1, 2, 3), 9, dtype=torch.uint8), (9, 9, 9)),
        (torch.full((2, 3), 1.0, dtype=torch.bfloat16, requires_grad=True), WHITE),
    ],
)
def test_arrays_and_tensors_are_taken(array, expected):
    image = read_image(array)
    assert (image.mode, image.size, image.getpixel((2, 1))) == ("RGB", (3, 2), expected)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (numpy.zeros((3, 2, 3, 1)), "wrong shape"),
        (numpy.zeros((3, 20, 30)), "Move the channels last"),
        (numpy.zeros((0, 3, 3)), "wrong shape"),
        (numpy.full((2, 2), 1.5), "floats from 0 to 1"),
        (numpy.full((2, 2), numpy.nan), "floats from 0 to 1"),
        (numpy.full((2, 2), -1), "whole numbers"),
        (numpy.full((2, 2), 70000), "whole numbers"),
        (numpy.full((2, 2), 1j), "complex"),
        (torch.zeros(20, 30, 3), r"\[C, H, W\]"),
        (42, "got int"),
        (None, "got NoneType"),
    ],
)
def test_what_is_no_picture_is_refused(source, says):
    with pytest.raises(DataError, match=says):
        read_image(source)


def damaged(path: Path) -> Path:
    noise = numpy.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=numpy.uint8)
    save(path, Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "nowhere.png", "not found.*Check the path"),
        (lambda folder: folder, "a folder, not a picture"),
        (lambda folder: save_bytes(folder / "a.png", b""), "is empty.*download it again"),
        (lambda folder: save_bytes(folder / "a.jpg", b"no picture"), "not a picture.*Give a JPEG"),
        (lambda folder: damaged(folder / "a.png"), "damaged.*download it again"),
        (lambda folder: damaged(folder / "a.jpg"), "damaged.*download it again"),
        (lambda folder: damaged(folder / "a.webp"), "damaged.*download it again"),
    ],
)
def test_bad_files_are_refused_in_one_line_that_names_them(tmp_path, make, says):
    path = make(tmp_path)
    for source in (path, str(path), AsStored(path)):
        with pytest.raises(DataError, match=says) as caught:
            read_image(source)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def save_bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_lazily_opened_damaged_picture_is_refused(tmp_path):
    with pytest.raises(DataError, match="truncated"):
        read_image(Image.open(damaged(tmp_path / "a.jpg")))


def test_one_pixel_and_twenty_thousand_are_pictures(tmp_path):
    assert read_image(save(tmp_path / "a.png", Image.new("RGB", (1, 1), RED))).size == (1, 1)
    path = save(tmp_path / "b.png", Image.new("1", (20_000, 12)))
    assert read_image(path).size == (20_000, 12)


def test_pillows_own_limit_is_raised_to_ours(tmp_path):
    path = save(tmp_path / "a.png", Image.new("1", (20_000, 10_000)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert image_size(path) == (10_000, 20_000)
    assert images.MAX_PIXELS == Image.MAX_IMAGE_PIXELS == 500_000_000


@pytest.mark.parametrize("limit", [99, 40])
def test_a_picture_beyond_the_limit_is_refused(tmp_path, monkeypatch, limit):
    path = save(tmp_path / "a.png", Image.new("RGB", (10, 10)))
    monkeypatch.setattr(images, "MAX_PIXELS", limit)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(DataError, match="too large.*tiles"):
        read_image(path)


def test_find_images_sorts_and_leaves_out_what_is_hidden_or_no_picture(tmp_path):
    for name in ("b.PNG", "a.jpg", "deep/c.webp", ".hidden/d.jpg", ".e.jpg", "notes.txt"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.touch()
    names = [path.relative_to(tmp_path).as_posix() for path in find_images(tmp_path)]
    assert names == ["a.jpg", "b.PNG", "deep/c.webp"]
    flat = find_images(tmp_path, recursive=False)
    assert [path.name for path in flat] == ["a.jpg", "b.PNG"]


def test_find_images_refuses_an_empty_or_missing_folder(tmp_path):
    with pytest.raises(DataError, match="no pictures"):
        find_images(tmp_path)
    with pytest.raises(DataError, match="not a folder"):
        find_images(tmp_path / "nowhere")
