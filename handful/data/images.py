"""Reading pictures: whatever a user has, turned upright and into RGB, or a clear refusal."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy
import torch
from PIL import Image, ImageFile, UnidentifiedImageError

from handful.errors import DataError

MAX_PIXELS = 500_000_000
"""The largest picture read, in pixels: 20,000 x 25,000, which is 1.5 GB as RGB."""

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".jp2"}
)
"""Endings (lower case) by which a file in a folder is taken for a picture."""

ImageSource = Path | str | Image.Image | numpy.ndarray | torch.Tensor | Callable[[], "Image.Image"]

# Pillow's limit holds for the whole process, and its crop() obeys it as well as open(): it is
# raised once, here, so that a 20,000-pixel picture can be read and cut up.
Image.MAX_IMAGE_PIXELS = max(MAX_PIXELS, Image.MAX_IMAGE_PIXELS or 0)

_ORIENTATION_TAG = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIXTEEN_TO_EIGHT = ((numpy.arange(65536, dtype=numpy.uint32) * 255 + 32767) // 65535).astype(
    numpy.uint8
)
_READABLE = "Give a JPEG, PNG, WebP, TIFF, BMP or GIF picture"


@dataclass(frozen=True)
class AsStored:
    """A picture file read without turning it by EXIF, because its boxes were drawn that way.

    Published sets that were annotated on the stored pixels need this.
    """

    path: Path

    def __call__(self) -> Image.Image:
        """Return the picture as RGB, not turned."""
        return _to_rgb(_without_exif(_loaded(self.path).copy()), str(self.path))


def read_image(source: ImageSource) -> Image.Image:
    """Return ``source`` as an upright RGB picture of 8 bits; raises ``DataError`` if it cannot.

    Paths and PIL pictures are turned by their EXIF orientation. Transparent parts become white,
    16-bit values are scaled to 8 bits (65535 becomes 255, whatever the largest there is), CMYK and
    palettes are converted, of an animation the first frame is taken. Arrays are ``[H, W]`` or
    ``[H, W, C]``, tensors ``[H, W]`` or ``[C, H, W]``, with C = 1, 3 or 4; whole
    numbers in 0..255, uint16, or floats in 0..1.
    """
    if isinstance(source, (str, Path)):
        return _to_rgb(_upright(_loaded(Path(source))), str(source))
    if isinstance(source, Image.Image):
        return _to_rgb(_upright(source), "a PIL picture")
    if isinstance(source, numpy.ndarray):
        return _from_array(source, "a numpy array")
    if isinstance(source, torch.Tensor):
        return _from_array(_channels_last(source), "a tensor")
    if callable(source):
        return read_image(source())
    raise DataError(
        "not a picture",
        got=type(source).__name__,
        expected="a path, a PIL picture, a numpy array or a tensor",
    )


def image_size(path: Path | str, *, as_stored: bool = False) -> tuple[int, int]:
    """Return (height, width) of a picture file, upright as ``read_image`` gives it.

    Only the header is read (a TIFF that is turned is read whole). ``as_stored`` leaves the
    EXIF orientation out. Raises ``DataError`` as ``read_image`` does.
    """
    with _opened(Path(path)) as image:
        orientation = 1 if as_stored else _orientation(image)
        width, height = image.size
    return (width, height) if orientation >= 5 else (height, width)


def source_path(source: ImageSource) -> Path | None:
    """Return the file that ``source`` names, or None for a picture in memory or drawn."""
    if isinstance(source, AsStored):
        return source.path
    return Path(source) if isinstance(source, (str, Path)) else None


def is_turned(path: Path | str) -> bool:
    """Return whether the file asks to be turned or mirrored by its EXIF orientation."""
    with _opened(Path(path)) as image:
        return _orientation(image) != 1


def find_images(folder: Path | str, *, recursive: bool = True) -> list[Path]:
    """Return the pictures in ``folder`` by their endings, sorted; hidden ones are left out.

    Raises ``DataError`` if there is no such folder or no picture in it.
    """
    place = Path(folder)
    if not place.is_dir():
        raise DataError(
            "not a folder",
            file=place,
            expected="a folder with pictures",
            remedy="Check the path",
        )
    found = list_images(place, recursive=recursive)
    if not found:
        raise DataError("no pictures in the folder", file=place, remedy=_READABLE)
    return found


def list_images(folder: Path, *, recursive: bool = True) -> list[Path]:
    """Return what ``find_images`` returns, or nothing."""
    return sorted(
        path
        for path in (folder.rglob("*") if recursive else folder.glob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def _opened(path: Path) -> Image.Image:
    """Return the picture with its header read, size checked."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(path)
    except FileNotFoundError as error:
        raise DataError("picture not found", file=path, remedy="Check the path") from error
    except IsADirectoryError as error:
        raise DataError("a folder, not a picture", file=path, remedy="Name one picture") from error
    except UnidentifiedImageError as error:
        empty = path.stat().st_size == 0
        what = "the picture file is empty" if empty else "not a picture"
        remedy = "Save or download it again" if empty else _READABLE
        raise DataError(what, file=path, remedy=remedy) from error
    except Image.DecompressionBombError as error:
        raise _too_large(path) from error
    except Exception as error:  # Pillow's plug-ins raise anything on a damaged header
        raise _damaged(path, error) from error
    if image.width * image.height > MAX_PIXELS:
        image.close()
        raise _too_large(path, f"{image.width} x {image.height} pixels")
    return image


def _loaded(path: Path) -> Image.Image:
    with _opened(path) as image:
        try:
            _decode(image)
        except Exception as error:  # as above, on damaged pixels
            raise _damaged(path, error) from error
    return image


def _decode(image: Image.Image) -> None:
    if isinstance(image, ImageFile.ImageFile) and image.format == "TIFF":
        # with a name Pillow 13 maps the file into memory, and takes a turned one's rows for columns
        image.filename = ""
    image.load()


def _too_large(path: Path, got: str | None = None) -> DataError:
    return DataError(
        "the picture is too large",
        file=path,
        got=got,
        expected=f"at most {MAX_PIXELS // 1_000_000} million pixels",
        remedy="Make it smaller, or cut it into tiles",
    )


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        "the picture is damaged and cannot be read",
        file=path,
        got=str(error) or type(error).__name__,
        remedy="Save or download it again",
    )


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation 1..8 that is still to be applied."""
    try:
        if image.format == "TIFF":
            # Pillow turns a TIFF while it decodes, and only then forgets the tag
            if image.getexif().get(_ORIENTATION_TAG, 1) != 1:
                _decode(image)
            return 1
        # PngImageFile.getexif would decode all pixels to look for a late block
        value = Image.Image.getexif(image).get(_ORIENTATION_TAG, 1)
    except Exception:  # a damaged EXIF block is no reason to refuse the pixels
        return 1
    return value if value in _TURNS else 1


def _upright(image: Image.Image) -> Image.Image:
    orientation = _orientation(image)
    if orientation == 1:
        return image
    return _without_exif(image.transpose(_TURNS[orientation]))


def _without_exif(image: Image.Image) -> Image.Image:
    """Forget the EXIF block, so that nobody turns this picture by it (again)."""
    image.info = {key: image.info[key] for key in ("transparency",) if key in image.info}
    return image


def _to_rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode[0] in "IF":
        return _from_array(numpy.asarray(image), name)
    try:
        if image.has_transparency_data:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        image.load()
        return image if image.mode == "RGB" else image.convert("RGB")
    except Exception as error:  # lazily opened pictures are decoded here; some modes have no way
        raise DataError(
            "the picture cannot be turned into RGB",
            file=name,
            got=f"mode {image.mode}: {error}",
            remedy="Save it as an RGB PNG or JPEG",
        ) from error


def _channels_last(tensor: torch.Tensor) -> numpy.ndarray:
    tensor = tensor.detach().cpu()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    if tensor.ndim == 3:
        if tensor.shape[0] not in (1, 3, 4):
            raise DataError(
                "a tensor of the wrong shape for a picture",
                got=list(tensor.shape),
                expected="[H, W] or [C, H, W] with C = 1, 3 or 4",
            )
        tensor = tensor.permute(1, 2, 0)
    return tensor.numpy()


def _from_array(array: numpy.ndarray, name: str) -> Image.Image:
    shape_fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if not shape_fits or array.size == 0:
        raise DataError(
            f"{name} of the wrong shape for a picture",
            got=list(array.shape),
            expected="[H, W] or [H, W, C] with C = 1, 3 or 4, not empty",
            remedy="Move the channels last" if array.ndim == 3 else None,
        )
    eight_bit = _eight_bit(array, name)
    if eight_bit.ndim == 3 and eight_bit.shape[2] == 1:
        eight_bit = eight_bit[:, :, 0]
    return _to_rgb(Image.fromarray(numpy.ascontiguousarray(eight_bit)), name)


def _eight_bit(array: numpy.ndarray, name: str) -> numpy.ndarray:
    if array.dtype == numpy.uint8:
        return array
    if array.dtype == numpy.bool_:
        return array.astype(numpy.uint8) * 255
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return _SIXTEEN_TO_EIGHT[array]
    if array.dtype.kind in "iu":
        low, high = int(array.min()), int(array.max())
        if low >= 0 and high <= 255:
            return array.astype(numpy.uint8)
        if low >= 0 and high <= 65535:
            return _SIXTEEN_TO_EIGHT[array]
        got, expected = f"{low} to {high}", "whole numbers from 0 to 255, or to 65535"
    elif array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if low >= 0 and high <= 1:
            return numpy.round(array * 255).astype(numpy.uint8)
        got, expected = f"{low:g} to {high:g}", "floats from 0 to 1"
    else:
        got, expected = f"values of type {array.dtype}", "numbers"
    raise DataError(
        f"{name} holds values that are no picture's",
        got=got,
        expected=expected,
        remedy="Scale it to 8 bits first",
    )
