"""What the parts of a few-shot method are worth, beside plain fine-tuning of the same base.

    python benchmarks/few_shot_parts.py --base WEIGHTS --work FOLDER

Twelve drawn classes that the base has never seen, in look-alike families of three, are learnt
from ten boxes each and looked for in forty other scenes. Every way of learning sees the same
boxes, augmentation, batch and steps; the learning rates of plain fine-tuning and of the whole
method are the best of three on seeds outside the table, what lacks a part has the method's.
Every cell that is measured is kept in ``benchmarks/few_shot_parts.json``, so a stopped run goes
on; the table is ``benchmarks/few_shot_parts.md``. FOLDER keeps the drawn scenes.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from cells import keep, kept, shown
from prototypes import detector_of

from handful.api.trained import detector_state
from handful.data.dataset import Dataset
from handful.data.drawn import drawn_scenes
from handful.data.splits.manifest import dataset_from_manifest
from handful.data.splits.sampler import sample_shots
from handful.data.synthetic import ShelfRecipe
from handful.evaluate.detector import measure_detector
from handful.evaluate.seeds import paired_difference, student_interval
from handful.files import write_text
from handful.methods.defrcn.learning import learn_recipe
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.pictures import input_rule, train_transform
from handful.methods.defrcn.recipes import CLASSIFIER_DROPOUT, NOVEL_ROI_SCALE
from handful.methods.two_stage_start import start_from
from handful.recipes.settings import TrainSettings
from handful.train.detection import DetectionTask, training_stream
from handful.train.loop import train

HERE = Path(__file__).parent
RESULTS, TABLE = HERE / "few_shot_parts.json", HERE / "few_shot_parts.md"
SHOTS = 10
TRAINING_SCENES = 60
SCENES = ShelfRecipe(
    seed=77,
    scenes=TRAINING_SCENES + 40,
    width=512,
    height=384,
    classes=12,
    part="novel",
    side=88,
    objects=(6, 12),
)
RATES = (1e-4, 3e-4, 1e-3)
FROZEN_RATES = (3e-4, 1e-3, 3e-3)
"""Where only the last layers learn, they stand larger steps."""

TUNING_SEEDS = (100, 101)
SEEDS = (0, 1, 2, 3, 4)
FIGURES = ("AP50", "AP")


@dataclass(frozen=True)
class Way:
    """One way of learning: what it does to the base's model, and whether prototypes re-score.

    text: for the table. like: the way whose training it shares, where only the test differs.
    rates: to choose from. rate: the way whose learning rate it has, by default its own best.
    """

    text: str
    model: Mapping[str, Any]
    calibrate: bool = False
    like: str | None = None
    rates: tuple[float, ...] = RATES
    rate: str | None = None


GATED = {"rpn_scale": 0.0, "roi_scale": NOVEL_ROI_SCALE["voc"]}
OPEN = {"rpn_scale": 1.0, "roi_scale": 1.0}
FROZEN = {"freeze_head": True, "classifier_dropout": CLASSIFIER_DROPOUT}
NOTHING_FROZEN = {"freeze_head": False, "freeze_at": 0}

WAYS = {
    "plain": Way("plain fine-tuning", {**OPEN, **NOTHING_FROZEN}),
    "plain+prototypes": Way(
        "plain, with prototypes",
        {**OPEN, **NOTHING_FROZEN},
        calibrate=True,
        like="plain",
        rate="plain",
    ),
    "learn": Way(
        "handful learn: proposals gated, stem frozen, prototypes",
        {"rpn_scale": 0.0, "roi_scale": 1.0},
        calibrate=True,
        rate="plain",
    ),
    "method": Way(
        "DeFRCN: gates, frozen head, prototypes",
        {**GATED, **FROZEN},
        calibrate=True,
        rates=FROZEN_RATES,
    ),
    "no prototypes": Way("without prototypes", {**GATED, **FROZEN}, like="method", rate="method"),
    "no gates": Way("without gates", {**OPEN, **FROZEN}, calibrate=True, rate="method"),
    "neither": Way(
        "without gates and prototypes", {**OPEN, **FROZEN}, like="no gates", rate="method"
    ),
    "not frozen": Way("without the frozen head", {**GATED}, calibrate=True, rate="method"),
}

HEAD = """# Learning new classes from ten boxes: what each part of DeFRCN is worth

Made by `benchmarks/few_shot_parts.py`. {classes} drawn classes in look-alike families of three,
none known to the base (`{base}`), {shots} boxes each; {scenes} other scenes to test on, at IoU 0.5
and by COCO's AP. {steps} steps of {batch} pictures; plain fine-tuning and the whole method at
their best rate of three ({rates}; {frozen_rates}) on seeds {tuning}, what lacks a part at the
method's. Means with
Student's 95 % interval over n seeds, each with other boxes; differences are taken seed by seed.

"""


def scenes(work: Path) -> tuple[Dataset, Dataset]:
    """Return what boxes are drawn from and what is tested on, drawn once into ``work``."""
    every = drawn_scenes(SCENES, work / "few_shot_parts")
    cut = TRAINING_SCENES
    return every.subset(range(cut)), every.subset(range(cut, len(every)))


def learnt(way: Way, support: Dataset, base: Path, *, rate: float, seed: int, steps: int) -> DeFRCN:
    """Return the base after it has learnt ``support`` in this way."""
    recipe = learn_recipe(
        support.class_names, boxes=len(support.table), based=True, tested=False, seed=seed
    )
    model = replace(recipe.model, **way.model)
    settings: TrainSettings = replace(recipe.train, steps=steps, batch=2, lr=rate)
    torch.manual_seed(seed)
    network = start_from(DeFRCN(model, pretrained_trunk=False), "remove", detector_state(base))
    stream = training_stream(
        support,
        train_transform(model, recipe.augmentation),
        input_rule(model),
        settings=settings,
    )
    train(DetectionTask(network, stream), settings, device="cpu")
    return network


def measured(
    network: DeFRCN, support: Dataset, query: Dataset, *, calibrate: bool
) -> dict[str, float]:
    """Return the figures of ``network`` on ``query``, 0 to 100."""
    detector = detector_of(network, support, calibrate=calibrate)
    return {name: 100 * value for name, value in measure_detector(detector, query).items()}


class Measurements:
    """Figures by cell (way, rate, seed), kept on disk as they come."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.pool, self.query = scenes(options.work)
        self.kept = kept(RESULTS)

    def figures(self, name: str, rate: float, seed: int) -> dict[str, float]:
        """Return the figures of a way of learning, measured now if they never were.

        What shares its training is measured along with it.
        """
        key = f"{name} {rate:g} {seed}"
        if key not in self.kept:
            self.kept = kept(RESULTS)
        if key not in self.kept:
            first = WAYS[name].like or name
            together = [other for other, way in WAYS.items() if first in (other, way.like)]
            drawn = sample_shots(self.pool, [SHOTS], seed=seed)[SHOTS]
            support = dataset_from_manifest(self.pool, drawn)
            steps = self.options.steps
            network = learnt(
                WAYS[name], support, self.options.base, rate=rate, seed=seed, steps=steps
            )
            fresh = {}
            for other in together:
                found = measured(network, support, self.query, calibrate=WAYS[other].calibrate)
                fresh[f"{other} {rate:g} {seed}"] = found
            self.kept = keep(RESULTS, fresh)
        return self.kept[key]

    def column(self, name: str, rate: float) -> dict[int, dict[str, float]]:
        """Return the figures of a way of learning on the seeds it is measured on so far."""
        keys = {seed: f"{name} {rate:g} {seed}" for seed in self.options.seeds}
        return {seed: self.kept[key] for seed, key in keys.items() if key in self.kept}

    def best_rate(self, name: str) -> float:
        """Return the rate that is best on the seeds outside the table."""
        name = WAYS[name].rate or name
        return max(
            WAYS[name].rates,
            key=lambda rate: sum(self.figures(name, rate, seed)["AP50"] for seed in TUNING_SEEDS),
        )


def table(measurements: Measurements, rates: Mapping[str, float]) -> str:
    """Return all ways of learning as Markdown, each with the seeds it is measured on so far."""
    heads = ["way of learning", "rate", "n", *FIGURES, *(f"{name} over plain" for name in FIGURES)]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    plain = measurements.column("plain", rates["plain"]) if "plain" in rates else {}
    for name, rate in rates.items():
        mine = measurements.column(name, rate)
        if not mine:
            continue
        cells = [WAYS[name].text, f"{rate:g}", str(len(mine))]
        for figure in FIGURES:
            cells.append(shown(student_interval([one[figure] for one in mine.values()])))
        for figure in FIGURES:
            both = sorted(set(mine) & set(plain))
            first, second = ({seed: one[seed][figure] for seed in both} for one in (mine, plain))
            over = shown(paired_difference(first, second), sign="+") if both else "–"
            cells.append("–" if name == "plain" else over)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure every way of learning that is not measured yet, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--steps", type=int, default=200)
    options = parser.parse_args()
    measurements = Measurements(options)
    rates = {name: measurements.best_rate(name) for name in options.ways}
    text = HEAD.format(
        classes=SCENES.classes,
        base=options.base.name,
        shots=SHOTS,
        scenes=len(measurements.query),
        steps=options.steps,
        batch=2,
        rates=", ".join(f"{rate:g}" for rate in RATES),
        frozen_rates=", ".join(f"{rate:g}" for rate in FROZEN_RATES),
        tuning=", ".join(map(str, TUNING_SEEDS)),
    )
    for seed in options.seeds:
        for name, rate in rates.items():
            measurements.figures(name, rate, seed)
            write_text(TABLE, text + table(measurements, rates))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
