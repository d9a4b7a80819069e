"""Which classes are base (many pictures) and which novel (K boxes each).

The partitions of PASCAL VOC and COCO are those of Wang et al., "Frustratingly Simple Few-Shot
Object Detection" (TFA, ICML 2020), which later work shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from handful.errors import ConfigError, suggest

Part = Literal["base", "novel", "all"]
PARTS: tuple[Part, ...] = ("base", "novel", "all")

VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
"""The 20 classes of PASCAL VOC, in alphabetical order."""

VOC_NOVEL: dict[int, tuple[str, ...]] = {
    1: ("bird", "bus", "cow", "motorbike", "sofa"),
    2: ("aeroplane", "bottle", "cow", "horse", "sofa"),
    3: ("boat", "cat", "motorbike", "sheep", "sofa"),
}
"""Split -> its novel classes."""

_COCO = """
1 person, 2 bicycle, 3 car, 4 motorcycle, 5 airplane, 6 bus, 7 train, 8 truck, 9 boat,
10 traffic light, 11 fire hydrant, 13 stop sign, 14 parking meter, 15 bench, 16 bird, 17 cat,
18 dog, 19 horse, 20 sheep, 21 cow, 22 elephant, 23 bear, 24 zebra, 25 giraffe, 27 backpack,
28 umbrella, 31 handbag, 32 tie, 33 suitcase, 34 frisbee, 35 skis, 36 snowboard, 37 sports ball,
38 kite, 39 baseball bat, 40 baseball glove, 41 skateboard, 42 surfboard, 43 tennis racket,
44 bottle, 46 wine glass, 47 cup, 48 fork, 49 knife, 50 spoon, 51 bowl, 52 banana, 53 apple,
54 sandwich, 55 orange, 56 broccoli, 57 carrot, 58 hot dog, 59 pizza, 60 donut, 61 cake, 62 chair,
63 couch, 64 potted plant, 65 bed, 67 dining table, 70 toilet, 72 tv, 73 laptop, 74 mouse,
75 remote, 76 keyboard, 77 cell phone, 78 microwave, 79 oven, 80 toaster, 81 sink,
82 refrigerator, 84 book, 85 clock, 86 vase, 87 scissors, 88 teddy bear, 89 hair drier,
90 toothbrush
"""

COCO_CATEGORY_IDS: dict[str, int] = {
    name: int(number)
    for number, name in (entry.split(maxsplit=1) for entry in _COCO.strip().split(","))
}
"""Class -> COCO's own number of it, ascending."""

COCO_NOVEL_IDS = (1, 2, 3, 4, 5, 6, 7, 9, 16, 17, 18, 19, 20, 21, 44, 62, 63, 64, 67, 72)
"""The category ids of VOC's classes, which are COCO's novel ones."""


@dataclass(frozen=True)
class ClassDivision:
    """The base and the novel classes, each in the order of a head that knows only them.

    everything: the classes in the order of a head that knows both; base before novel unless
    given. Raises ``ConfigError`` if a class is on both sides, or the two are not everything.
    """

    base: tuple[str, ...]
    novel: tuple[str, ...]
    everything: tuple[str, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        for field in ("base", "novel", "everything"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        if not self.everything:
            object.__setattr__(self, "everything", self.base + self.novel)
        if sorted(self.base + self.novel) != sorted(set(self.everything)):
            twice = set(self.base) & set(self.novel)
            odd = twice or set(self.base + self.novel) ^ set(self.everything)
            raise ConfigError(
                "every class must be base or novel, and not both",
                field=self.name or None,
                got=", ".join(sorted(odd)) or "a class named twice",
                remedy="Correct the list of novel classes",
            )

    def classes(self, part: Part) -> tuple[str, ...]:
        """Return the classes of a part in the order of its labels, which count from 0."""
        if part not in PARTS:
            raise ConfigError("no such part of the classes", got=part, remedy=suggest(part, PARTS))
        return {"base": self.base, "novel": self.novel, "all": self.everything}[part]

    def labels(self, part: Part) -> tuple[int, ...]:
        """Return where the classes of a part stand in the head that knows all classes."""
        return tuple(self.everything.index(name) for name in self.classes(part))


def division_of(class_names: Sequence[str], novel: Sequence[str]) -> ClassDivision:
    """Divide the classes of any data set; each part keeps the order of ``class_names``.

    Raises ``ConfigError`` if a novel class is not among them, or no class is novel.
    """
    for name in novel:
        if name not in class_names:
            raise ConfigError(
                "unknown novel class", got=f"'{name}'", remedy=suggest(name, class_names)
            )
    if not novel:
        raise ConfigError(
            "no class is novel", expected="one or more", remedy="Name the novel classes"
        )
    return ClassDivision(
        base=tuple(name for name in class_names if name not in novel),
        novel=tuple(name for name in class_names if name in novel),
        everything=tuple(class_names),
    )


def _voc(split: int) -> ClassDivision:
    novel = VOC_NOVEL[split]
    base = tuple(name for name in VOC_CLASSES if name not in novel)
    return ClassDivision(base, novel, name=f"voc{split}")


def _coco() -> ClassDivision:
    novel = tuple(name for name, number in COCO_CATEGORY_IDS.items() if number in COCO_NOVEL_IDS)
    base = tuple(name for name in COCO_CATEGORY_IDS if name not in novel)
    return ClassDivision(base, novel, tuple(COCO_CATEGORY_IDS), name="coco")


DIVISIONS: dict[str, ClassDivision] = {
    division.name: division for division in (*map(_voc, VOC_NOVEL), _coco())
}
"""voc1, voc2, voc3 and coco. VOC's head has base before novel; COCO's ascends in category id."""


def class_division(name: str) -> ClassDivision:
    """Return the division voc1, voc2, voc3 or coco; raises ``ConfigError`` for another name."""
    if name not in DIVISIONS:
        raise ConfigError(
            "unknown division of classes", got=f"'{name}'", remedy=suggest(name, DIVISIONS)
        )
    return DIVISIONS[name]
