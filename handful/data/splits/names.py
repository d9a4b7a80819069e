"""The names by which the field calls its data sets, read into fields and written back.

``voc_2007_trainval_novel1_5shot_seed3`` and ``coco14_trainval_all_10shot_seed0`` are DeFRCN's
spelling. TFA leaves the suffix of seed 0 out and writes ``coco`` for ``coco14``. The year in the
name of a K-shot set says nothing: its lists name pictures of both years.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from handful.data.splits.divisions import DIVISIONS, PARTS, ClassDivision, Part, class_division
from handful.errors import ConfigError

Family = Literal["voc", "coco"]
Subset = Literal["trainval", "test"]
Style = Literal["defrcn", "tfa"]

VOC_SHOTS = (1, 2, 3, 5, 10)
COCO_SHOTS = (1, 2, 3, 5, 10, 30)
VOC_YEARS = (2007, 2012)
NOMINAL_YEAR = 2007

_SHOTS = r"(?:_(?P<shots>\d+)shot(?:_seed(?P<seed>\d+))?)?"
_VOC = re.compile(
    r"voc_(?P<year>2007|2012)_(?P<subset>trainval|test)_"
    rf"(?P<classes>base|novel|all)(?P<split>[123]){_SHOTS}"
)
_COCO = re.compile(
    rf"coco(?P<year>14)?_(?P<subset>trainval|test)_(?P<classes>base|novel|all){_SHOTS}"
)


@dataclass(frozen=True)
class FieldSet:
    """One data set of the field's few-shot protocol.

    classes: the part of the division whose boxes it holds. split: of VOC's classes, 1 to 3; None
    for COCO. year: of an ordinary VOC set; None otherwise. shots, seed: K and the number of the
    list of a K-shot set; None and 0 for an ordinary one. style: whose spelling ``name`` has, and
    with COCO whose records a K-shot set has. Raises ``ConfigError`` if the parts do not fit.
    """

    family: Family
    subset: Subset
    classes: Part
    split: int | None = None
    year: int | None = None
    shots: int | None = None
    seed: int = 0
    style: Style = "defrcn"

    def __post_init__(self) -> None:
        self._require("family", self.family in get_args(Family), "voc or coco")
        self._require("subset", self.subset in get_args(Subset), "trainval or test")
        self._require("classes", self.classes in PARTS, "base, novel or all")
        self._require("style", self.style in get_args(Style), "defrcn or tfa")
        voc, few = self.family == "voc", self.shots is not None
        self._require("split", self.split in ((1, 2, 3) if voc else (None,)), "1 to 3 for VOC")
        years = VOC_YEARS if voc and not few else (None,)
        self._require("year", self.year in years, "2007 or 2012 for an ordinary VOC set")
        self._require("shots", not few or (self.shots or 0) > 0, "1 or more")
        self._require("seed", self.seed >= 0 and (few or self.seed == 0), "0 or more, of K shots")
        if few:
            self._require("subset", self.subset == "trainval", "trainval for a K-shot set")
            self._require("classes", self.classes != "base", "novel or all for a K-shot set")

    def _require(self, field: str, holds: bool, expected: str) -> None:
        if not holds:
            raise ConfigError(
                "not a data set of the field",
                field=field,
                got=getattr(self, field),
                expected=expected,
            )

    @property
    def division(self) -> ClassDivision:
        """The division whose part ``classes`` names."""
        return class_division(f"voc{self.split}" if self.family == "voc" else "coco")

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes in the order of the labels."""
        return self.division.classes(self.classes)

    @property
    def name(self) -> str:
        """The set's name in its style."""
        if self.family == "voc":
            text = f"voc_{self.year or NOMINAL_YEAR}_{self.subset}_{self.classes}{self.split}"
        else:
            family = "coco14" if self.style == "defrcn" else "coco"
            text = f"{family}_{self.subset}_{self.classes}"
        if self.shots is None:
            return text
        suffix = f"_seed{self.seed}" if self.seed or self.style == "defrcn" else ""
        return f"{text}_{self.shots}shot{suffix}"

    def spelled(self, style: Style) -> FieldSet:
        """Return the same set under the name that another style gives it."""
        return replace(self, style=style)


def parse_field_set(name: str) -> FieldSet:
    """Return the set that a name of TFA or DeFRCN stands for; raises ``ConfigError`` for others."""
    found = _VOC.fullmatch(name) or _COCO.fullmatch(name)
    if not found:
        raise ConfigError(
            "not the name of a data set of the field",
            got=f"'{name}'",
            expected="a name like voc_2007_test_all1, voc_2007_trainval_novel1_5shot_seed3, "
            "coco14_trainval_base or coco14_trainval_all_10shot_seed0",
            remedy=f"For your own data, name the file; known divisions: {', '.join(DIVISIONS)}",
        )
    parts = found.groupdict()
    voc = name.startswith("voc")
    shots = int(parts["shots"]) if parts["shots"] else None
    bare = shots is not None and parts["seed"] is None
    tfa = bare if voc else parts["year"] is None
    return FieldSet(
        family="voc" if voc else "coco",
        subset=cast(Subset, parts["subset"]),
        classes=cast(Part, parts["classes"]),
        split=int(parts["split"]) if voc else None,
        year=int(parts["year"]) if voc and shots is None else None,
        shots=shots,
        seed=int(parts["seed"] or 0),
        style="tfa" if tfa else "defrcn",
    )
