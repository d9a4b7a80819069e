"""Classes: what sets each one apart, and the families of look-alikes they come in."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy

from handful.data.synthetic.glyphs import DIGITS, LETTERS, Face, random_face
from handful.data.synthetic.icons import ICONS, SUITS
from handful.data.synthetic.outlines import Silhouette, random_silhouette, strip_silhouette
from handful.data.synthetic.patterns import BOLD_PATTERNS, PATTERNS
from handful.data.synthetic.recipe import PARTS

Generator = numpy.random.Generator
Colour = tuple[float, float, float]

DIFFERENCES = (
    "colour",
    "colour",
    "letter",
    "digit",
    "symbol",
    "symbol",
    "count",
    "word",
    "pattern",
)
"""What may set the members of a family apart, as often as it is drawn."""

MOST_PIPS = 10
_LEAST_CONTRAST = 0.28
_GUARD = 7093  # keeps these streams apart from any other use of the same seed


@dataclass(frozen=True)
class Palette:
    """Colours of a package, RGB in [0, 255]; ``ink`` and ``light`` are read on ``ground``."""

    ground: Colour
    second: Colour
    accent: Colour
    ink: Colour
    light: Colour


@dataclass(frozen=True)
class Design:
    """One class: all that its picture is drawn from.

    hero: what stands large on the front, one of ``icon:NAME``, ``text:X`` and ``pips:N``.
    symbol: the small repeated symbol. differs: what sets it apart from its family.
    seed: entropy of the drawing, shared by the family.
    """

    silhouette: Silhouette
    layout: str
    differs: str
    palette: Palette
    hero: str
    symbol: str
    pattern: str
    word: str
    subtitle: str
    face: Face
    seed: tuple[int, ...]


@lru_cache(maxsize=4096)
def class_design(seed: int, part: str, number: int, look_alike: int) -> Design:
    """Return class ``number`` of ``part``; a pure function of its arguments.

    Classes ``k * look_alike`` to ``(k + 1) * look_alike - 1`` are family ``k``.
    """
    family, member = divmod(number, look_alike)
    entropy = (_GUARD, seed, PARTS.index(part), family)
    return _member(_family(entropy), member, look_alike, entropy)


def _family(entropy: tuple[int, ...]) -> Design:
    rng = numpy.random.default_rng(entropy)
    silhouette = random_silhouette(rng)
    differs = DIFFERENCES[rng.integers(len(DIFFERENCES))]
    layout = _layout(silhouette.kind, differs, rng)
    white = 0.9 if layout == "card" else 0.2
    return Design(
        silhouette=silhouette,
        layout=layout,
        differs=differs,
        palette=_palette(rng, white=white, vivid=differs == "colour"),
        hero=_hero(differs, rng),
        symbol=str(rng.choice(SUITS if rng.random() < 0.3 else ICONS)),
        pattern=str(rng.choice(BOLD_PATTERNS if differs == "pattern" else PATTERNS)),
        word=random_word(rng),
        subtitle=random_word(rng),
        face=random_face(rng),
        seed=(*entropy, 1),
    )


def _layout(kind: str, differs: str, rng: Generator) -> str:
    if differs == "pattern":
        return str(rng.choice(["wrapper", "poster", "badge"]))
    if kind in ("blob", "figure"):
        return "organic" if rng.random() < 0.8 else "wrapper"
    if kind == "card" and rng.random() < 0.7:
        return "card"
    if kind in ("sign", "label") and rng.random() < 0.7:
        return "sign"
    if kind == "tin":
        return str(rng.choice(["badge", "badge", "organic", "giant"]))
    layouts = ["poster", "banded", "giant", "photo", "text", "badge", "split", "wrapper"]
    return str(rng.choice(layouts))


def _hero(differs: str, rng: Generator) -> str:
    kind = {"letter": "letter", "digit": "digit", "symbol": "icon", "count": "pips"}.get(differs)
    kind = kind or str(rng.choice(["icon", "icon", "letter", "digit", "pips"]))
    if kind == "icon":
        return f"icon:{rng.choice(ICONS)}"
    if kind == "pips":
        return f"pips:{rng.integers(1, MOST_PIPS + 1)}"
    return f"text:{rng.choice(list(LETTERS if kind == 'letter' else DIGITS))}"


def _member(family: Design, member: int, count: int, entropy: tuple[int, ...]) -> Design:
    """Change the one thing by which ``member`` differs from the other ``count - 1``."""
    rng = numpy.random.default_rng((*entropy, 2))
    order = {
        "letter": [f"text:{c}" for c in LETTERS],
        "digit": [f"text:{c}" for c in DIGITS],
        "symbol": [f"icon:{name}" for name in ICONS],
        "count": [f"pips:{n}" for n in range(1, MOST_PIPS + 1)],
        "pattern": list(BOLD_PATTERNS),
    }
    turn, rest = member / count, member
    if family.differs in order:
        values = [str(v) for v in rng.permutation(order[family.differs])]
        rest, position = divmod(member, len(values))
        turn = rest / (count // len(values) + 1)
        if family.differs == "pattern":
            family = replace(family, pattern=values[position])
        else:
            family = replace(family, hero=values[position])
    elif family.differs == "word":
        return replace(family, hero=f"text:{_short_words(rng, member + 1)[member]}")
    return replace(family, palette=_turn_hues(family.palette, turn)) if rest else family


def _short_words(rng: Generator, count: int) -> list[str]:
    """Return different words of three or four letters, which stay readable when small."""
    words: list[str] = []
    while len(words) < count:
        word = random_word(rng)[: int(rng.integers(3, 5))].upper()
        if len(word) > 2 and word not in words:
            words.append(word)
    return words


def random_word(rng: Generator) -> str:
    """Return a made-up word that can be pronounced."""
    heads = [
        "b",
        "br",
        "c",
        "ch",
        "cl",
        "d",
        "dr",
        "f",
        "fl",
        "g",
        "gr",
        "h",
        "j",
        "k",
        "l",
        "m",
        "n",
        "p",
        "pl",
        "qu",
        "r",
        "s",
        "sh",
        "st",
        "t",
        "tr",
        "v",
        "w",
        "z",
    ]
    cores = ["a", "e", "i", "o", "u", "a", "e", "o", "ai", "ee", "ou", "y"]
    tails = ["", "", "n", "r", "l", "x", "s", "m", "t", "ck", "sh"]
    syllables = int(rng.integers(1, 4))
    word = "".join(f"{rng.choice(heads)}{rng.choice(cores)}" for _ in range(syllables))
    return (word + str(rng.choice(tails))).capitalize()


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Return RGB in [0, 255] of a colour whose hue is counted in turns."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return red * 255, green * 255, blue * 255


def lightness(colour: Colour) -> float:
    """Return the perceived lightness in [0, 1]."""
    return (0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]) / 255


def _palette(rng: Generator, *, white: float, vivid: bool) -> Palette:
    """Return random colours; ``white`` is the chance of a pale ground, ``vivid`` rules it out."""
    hue = rng.random()
    other = hue + rng.choice([0.08, 0.17, 0.33, 0.42, 0.5, 0.58])
    third = hue + rng.choice([0.25, 0.5, 0.75])
    second = hsv(other, rng.uniform(0.2, 0.95), rng.uniform(0.3, 1))
    if vivid:
        ground = hsv(hue, rng.uniform(0.65, 1), rng.uniform(0.6, 1))
    elif rng.random() < white:
        ground = hsv(hue, rng.uniform(0, 0.12), rng.uniform(0.82, 1))
    else:
        ground = hsv(hue, rng.uniform(0.2, 0.98), rng.uniform(0.25, 1))
    dark = lightness(ground) < 0.5
    ink = hsv(hue, rng.uniform(0, 0.15), rng.uniform(0.9, 1) if dark else rng.uniform(0, 0.2))
    strong = hsv(third, rng.uniform(0.7, 1), 1.0 if dark else rng.uniform(0.25, 0.6))
    if rng.random() < 0.6 and abs(lightness(strong) - lightness(ground)) > _LEAST_CONTRAST:
        ink = strong
    return Palette(
        ground=ground,
        second=second,
        accent=hsv(third, rng.uniform(0.6, 1), rng.uniform(0.6, 1)),
        ink=ink,
        light=hsv(other, rng.uniform(0, 0.15), rng.uniform(0.88, 1)),
    )


def _turn_hues(palette: Palette, turn: float) -> Palette:
    """Turn the ground's hue, and that of what is printed in accent; ink stays readable."""

    def turned(colour: Colour) -> Colour:
        hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in colour))
        return hsv(hue + turn, saturation, value)

    ground = turned(palette.ground)
    ink = palette.ink
    if abs(lightness(ink) - lightness(ground)) < _LEAST_CONTRAST:
        ink = (245.0, 245.0, 245.0) if lightness(ground) < 0.5 else (15.0, 15.0, 15.0)
    return replace(palette, ground=ground, accent=turned(palette.accent), ink=ink)


@lru_cache(maxsize=1024)
def distractor_design(seed: int, number: int) -> Design:
    """Return a thing that is of no class: a foreign package, or a plain strip or lump."""
    design = class_design(seed, "distractor", number, 1)
    rng = numpy.random.default_rng((*design.seed, 3))
    if rng.random() < 0.7:
        return design
    shape = design.silhouette
    if rng.random() < 0.6:
        shape = strip_silhouette(float(numpy.exp(rng.uniform(-2.6, -1.6))))
    return replace(design, silhouette=shape, layout="plain")
