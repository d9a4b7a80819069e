"""Boxes, masks, class names and scores drawn on a picture."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy
from PIL import Image, ImageDraw, ImageFont

from handful.errors import DataError
from handful.files import replacing
from handful.structures import Detections, Targets

Box = tuple[float, float, float, float]
Colour = tuple[int, int, int]

FIRST_COLOURS: tuple[Colour, ...] = (
    (230, 57, 70),
    (29, 120, 226),
    (46, 160, 67),
    (250, 166, 26),
    (150, 70, 200),
    (0, 178, 178),
    (233, 88, 173),
    (143, 104, 60),
    (170, 190, 30),
    (98, 98, 110),
)
GOLDEN_ANGLE = 0.618034
INK: Colour = (20, 20, 20)
PAPER: Colour = (255, 255, 255)


@dataclass(frozen=True)
class DrawingStyle:
    """Sizes of what is drawn; fractions are of the picture's shorter side."""

    line: float = 0.005
    text: float = 0.03
    smallest_line: int = 2
    smallest_text: int = 11
    largest_text: int = 40
    dash: float = 3.0
    """Length of a dash and of the gap after it, in line widths."""
    cover: float = 0.45
    """How much of a masked pixel is the colour of its class."""


def draw_detections(
    image: Image.Image,
    detections: Detections,
    *,
    targets: Targets | None = None,
    scores: bool = True,
    at_most: int = 300,
    style: DrawingStyle | None = None,
) -> Image.Image:
    """Return a copy of ``image`` with boxes, names and scores; ``targets`` are drawn dashed.

    Masks are laid over the picture half transparently, in the colours of their classes.

    Only the ``at_most`` strongest detections are drawn, the strongest on top and with the
    first choice of place for its label. What lies outside the picture is cut off.
    """
    style = style or DrawingStyle()
    ordered = detections.sorted()[:at_most]
    canvas = _covered(image.convert("RGB"), ordered, style.cover)
    canvas = canvas.copy() if canvas is image else canvas
    pen = _Pen(canvas, style)
    if targets is not None:
        for box, label in zip(_boxes(targets), targets.labels.tolist(), strict=True):
            pen.dashed(box, class_colour(label))
    rows = list(
        zip(
            _boxes(ordered),
            ordered.labels.tolist(),
            ordered.names(),
            ordered.scores.tolist(),
            strict=True,
        )
    )
    for box, label, _, _ in reversed(rows):
        pen.solid(box, class_colour(label))
    for box, label, name, score in rows:
        pen.label(box, f"{name} {score:.2f}" if scores else name, class_colour(label))
    return canvas


def _covered(image: Image.Image, detections: Detections, share: float) -> Image.Image:
    """Return ``image`` under the masks of ``detections``, by falling score; the first on top."""
    if detections.masks is None or not len(detections):
        return image
    pixels = numpy.asarray(image, dtype=numpy.float32)
    colours = numpy.zeros_like(pixels)
    masks, labels = detections.masks.cpu().numpy(), detections.labels.tolist()
    if masks.shape[1:] != pixels.shape[:2]:
        raise DataError(
            "the masks are of another picture",
            got=f"{masks.shape[2]} x {masks.shape[1]}",
            expected=f"{image.width} x {image.height}",
        )
    for mask, label in reversed(list(zip(masks, labels, strict=True))):
        colours[mask] = class_colour(label)
    covered = numpy.where(masks.any(axis=0), numpy.float32(share), 0)[:, :, None]
    mixed = pixels * (1 - covered) + colours * covered
    return Image.fromarray((mixed + 0.5).astype(numpy.uint8))


def class_colour(label: int) -> Colour:
    """Return the colour of a class: the same in every picture, neighbours easy to tell apart."""
    if label < len(FIRST_COLOURS):
        return FIRST_COLOURS[label]
    hue = (label * GOLDEN_ANGLE) % 1.0
    value = (0.85, 0.6, 0.72)[label % 3]
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.75, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def save_picture(image: Image.Image, path: Path | str) -> Path:
    """Write ``image`` in the format its ending names, all or nothing; returns the path."""
    target = Path(path)
    if target.suffix.lower() not in Image.registered_extensions():
        raise DataError(
            "not a picture format",
            file=target,
            got=target.suffix or "no ending",
            expected=".png, .jpg or another ending of a picture",
        )
    with replacing(target) as temporary:
        image.save(temporary)
    return target


def _boxes(table: Detections | Targets) -> list[Box]:
    return [(box[0], box[1], box[2], box[3]) for box in table.boxes.tolist()]


class _Pen:
    """Draws on one picture and remembers where labels already stand."""

    def __init__(self, canvas: Image.Image, style: DrawingStyle) -> None:
        self.draw = ImageDraw.Draw(canvas)
        self.width, self.height = canvas.size
        side = min(canvas.size)
        self.line = max(style.smallest_line, round(side * style.line))
        text = min(max(style.smallest_text, round(side * style.text)), style.largest_text)
        self.font = ImageFont.load_default(text)
        self.dash = self.line * style.dash
        self.pad = max(2, text // 5)
        self.taken: list[Box] = []

    def solid(self, box: Box, colour: Colour) -> None:
        left, top, right, bottom = box
        self.draw.rectangle(
            (left, top, max(left, right), max(top, bottom)), None, colour, self.line
        )

    def dashed(self, box: Box, colour: Colour) -> None:
        left, top, right, bottom = box
        for level in (top, bottom):
            for start, end in self._dashes(max(left, 0), min(right, self.width)):
                self._stroke((start, level, end, level), colour)
        for place in (left, right):
            for start, end in self._dashes(max(top, 0), min(bottom, self.height)):
                self._stroke((place, start, place, end), colour)

    def label(self, box: Box, text: str, colour: Colour) -> None:
        left, top, right, bottom = self.draw.textbbox((0, 0), text, font=self.font)
        width, height = right - left + 2 * self.pad, bottom - top + 2 * self.pad
        place = self._free_place(box, width, height)
        self.taken.append(place)
        self.draw.rectangle(place, fill=colour)
        corner = (place[0] + self.pad - left, place[1] + self.pad - top)
        self.draw.text(corner, text, fill=_readable_on(colour), font=self.font)

    def _dashes(self, start: float, end: float) -> list[tuple[float, float]]:
        count = max(0, int((end - start) // (2 * self.dash)) + 1)
        starts = [start + 2 * self.dash * index for index in range(count)]
        return [(begin, min(begin + self.dash, end)) for begin in starts if begin < end]

    def _stroke(self, line: Box, colour: Colour) -> None:
        self.draw.line(line, fill=PAPER, width=self.line + 2)
        self.draw.line(line, fill=colour, width=self.line)

    def _free_place(self, box: Box, width: float, height: float) -> Box:
        """Return the first place around the box that is free, or the first one if none is."""
        left, top, right, bottom = box
        corners = (
            (left, top - height),
            (left, top),
            (left, bottom),
            (right - width, top - height),
            (right - width, bottom - height),
            (left, bottom - height),
        )
        places = [self._inside(x, y, width, height) for x, y in corners]
        return next((place for place in places if not self._is_taken(place)), places[0])

    def _inside(self, x: float, y: float, width: float, height: float) -> Box:
        x = max(0.0, min(x, self.width - width))
        y = max(0.0, min(y, self.height - height))
        return x, y, x + width, y + height

    def _is_taken(self, place: Box) -> bool:
        return any(
            place[0] < other[2]
            and other[0] < place[2]
            and place[1] < other[3]
            and other[1] < place[3]
            for other in self.taken
        )


def _readable_on(colour: Sequence[int]) -> Colour:
    red, green, blue = colour
    luminance = 0.299 * red + 0.587 * green + 0.114 * blue
    return INK if luminance > 140 else PAPER
