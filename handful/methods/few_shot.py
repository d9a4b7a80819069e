"""What the published few-shot recipes share: data sets by stage, and the figures of the field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from handful.data.dataset import Dataset
from handful.data.splits.divisions import ClassDivision, Part
from handful.data.splits.field_sets import read_field_set
from handful.data.splits.names import COCO_SHOTS, VOC_SHOTS, VOC_YEARS, Family, FieldSet, Style
from handful.errors import ConfigError
from handful.recipes.settings import TrainSettings

Stage = Literal["base", "novel"]
Setting = Literal["fsod", "gfsod"]

SHOTS: Mapping[Family, tuple[int, ...]] = {"voc": VOC_SHOTS, "coco": COCO_SHOTS}


@dataclass(frozen=True)
class FewShotData:
    """Which of the field's data sets a run trains and is tested on.

    stage: "base" trains on many pictures, "novel" on K boxes a class. setting: of the novel
    stage, "fsod" with a head for novel classes only, "gfsod" for all. seed: number of the list
    of K boxes. root: the folder that holds the sets. original_draw: K boxes are drawn anew at
    every load, as the original does, not once from the run's seed. style: whose names and
    records the sets have.
    """

    family: Family = "voc"
    split: int | None = 1
    stage: Stage = "base"
    setting: Setting = "fsod"
    shots: int | None = None
    seed: int = 0
    root: Path = Path("datasets")
    original_draw: bool = False
    style: Style = "defrcn"

    @property
    def part(self) -> Part:
        """The classes of the head: base, novel or all."""
        return head_part(self.stage, self.setting)

    def train_sets(self) -> tuple[FieldSet, ...]:
        """Return what is trained on; raises ``ConfigError`` if the fields do not fit."""
        plain = FieldSet(
            family=self.family,
            subset="trainval",
            classes=self.part,
            split=self.split,
            year=VOC_YEARS[0] if self.family == "voc" and self.stage == "base" else None,
            shots=self.shots if self.stage == "novel" else None,
            seed=self.seed if self.stage == "novel" else 0,
            style=self.style,
        )
        if plain.year is None:
            return (plain,)
        return tuple(replace(plain, year=year) for year in VOC_YEARS)

    def test_sets(self) -> tuple[FieldSet, ...]:
        """Return what is tested on."""
        year = VOC_YEARS[0] if self.family == "voc" else None
        return (
            FieldSet(self.family, "test", self.part, split=self.split, year=year, style=self.style),
        )

    def read_train(self, *, draw_seed: int = 0) -> Dataset:
        """Return what is trained on, read from ``root``; draw_seed: see ``read_voc_shots``."""
        return read_field_set(
            self.train_sets(), self.root, draw_seed=draw_seed, original_draw=self.original_draw
        )

    def read_test(self) -> Dataset:
        """Return what is tested on, read from ``root``."""
        return read_field_set(self.test_sets(), self.root)

    @property
    def division(self) -> ClassDivision:
        """The base and the novel classes."""
        return self.test_sets()[0].division

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of the head, in its order."""
        return self.test_sets()[0].class_names

    def base_classes(self) -> tuple[str, ...]:
        """Return the base classes that the head knows; calibration leaves them alone."""
        return tuple(name for name in self.class_names if name in self.division.base)


@dataclass(frozen=True)
class FewShotEvaluation:
    """How a run is measured: the rules, and the figure that tables print."""

    protocol: Literal["voc07", "voc07-mmdet", "coco"] = "voc07"
    metric: str = "AP50"


class FewShotRecipe(Protocol):
    """What every published few-shot recipe says, whatever its method."""

    @property
    def model(self) -> Any:
        """The settings of the detector."""
        ...

    @property
    def data(self) -> FewShotData:
        """What it learns from, and is tested on."""
        ...

    @property
    def train(self) -> TrainSettings:
        """The schedule."""
        ...

    @property
    def evaluate(self) -> FewShotEvaluation:
        """How it is measured."""
        ...

    @property
    def init(self) -> str:
        """Where its weights come from: "none", "msra" (an ImageNet trunk), or a base detector."""
        ...

    @property
    def repeats(self) -> int:
        """How often the published table trains on one set of boxes."""
        ...


def head_part(stage: Stage, setting: Setting) -> Part:
    """Return which classes the head has."""
    if stage == "base":
        return "base"
    return "novel" if setting == "fsod" else "all"


def require_shots(data: FewShotData, known: Sequence[int] | None = None) -> None:
    """Raise ``ConfigError`` unless there is a published schedule for these shots.

    known: numbers that have one; by default those of the family.
    """
    known = SHOTS[data.family] if known is None else known
    if data.stage == "base" and data.shots is not None:
        raise ConfigError(
            "the base stage trains on all boxes",
            field="shots",
            got=data.shots,
            expected="none",
            remedy="For K boxes a class choose the stage novel",
        )
    if data.stage == "novel" and data.shots not in known:
        raise ConfigError(
            "no published schedule for this number of shots",
            field="shots",
            got=data.shots,
            expected=" ".join(map(str, known)),
            remedy="Take the nearest, then override data.shots, train.steps, train.milestones",
        )


def evaluation_of(
    data: FewShotData, *, voc_protocol: Literal["voc07", "voc07-mmdet"] = "voc07"
) -> FewShotEvaluation:
    """Return how the field measures this: AP50 on VOC, AP on COCO, of the classes that count."""
    prefix = "b" if data.stage == "base" else "n"
    if data.family == "voc":
        return FewShotEvaluation(voc_protocol, f"{prefix}AP50")
    return FewShotEvaluation("coco", f"{prefix}AP")
