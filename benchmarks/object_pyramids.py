"""What objects shown at many sizes are worth to few-shot learning, where objects differ in size.

    python benchmarks/object_pyramids.py --work FOLDER

Small bases are trained on drawn scenes whose objects are 16 to 256 pixels long, each kind of
detector on the same ones and on base classes alone; then twelve other classes are learnt from 1,
3, 5 and 10 boxes each and looked for in forty other scenes. Every way of learning sees the same
boxes, batch and steps; its rate is the best of three with three boxes on seeds outside the table,
unless --rate says another. Every cell that is measured is kept in
``benchmarks/object_pyramids.json``, so a stopped run goes on; the table is
``benchmarks/object_pyramids.md``. FOLDER keeps the drawn scenes and the bases, whose training goes
on where it was stopped as well.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any, cast

import torch
from cells import keep, kept, shown
from prototypes import detector_of
from torch import nn

from handful import api
from handful.api.trained import save_detector, weight_file
from handful.api.two_stage_learning import start_network
from handful.api.two_stage_methods import SMALL, two_stage_method
from handful.data.dataset import Dataset
from handful.data.drawn import drawn_scenes
from handful.data.splits.manifest import dataset_from_manifest
from handful.data.splits.sampler import sample_shots
from handful.data.synthetic import BASE_OF_MANY_SIZES
from handful.evaluate.coco import IOU_50, coco_evaluation
from handful.evaluate.coco_matching import SIZES
from handful.evaluate.detector import detections_on
from handful.evaluate.records import ground_truth_of, to_coco_results
from handful.evaluate.seeds import paired_difference, student_interval
from handful.files import write_text
from handful.methods.detector import TrainableDetector
from handful.methods.shelf_base import shelf_classes
from handful.recipes.tree import to_dict
from handful.train.detection import DetectionTask
from handful.train.loop import train
from handful.train.run import RunFolder

HERE = Path(__file__).parent
RESULTS, TABLE = HERE / "object_pyramids.json", HERE / "object_pyramids.md"

TRAINING_SCENES = 80
SCENES = replace(BASE_OF_MANY_SIZES, seed=78, scenes=TRAINING_SCENES + 40, classes=12, part="novel")
SHOTS = (1, 3, 5, 10)
RATES = (1e-4, 3e-4, 1e-3)
FEW = 3
TUNING_SEEDS, TUNING_SHOTS = (100, 101), 3
SEEDS = (0, 1, 2, 3, 4)
BATCH = 2
FIGURES = tuple(f"AP50{size}" for size in SIZES)
TITLES = {"": "AP50", "s": "small", "m": "medium", "l": "large"}


@dataclass(frozen=True)
class Base:
    """A base detector: which recipe trains it, with which choices."""

    recipe: str
    choices: Mapping[str, Any]


BASES = {
    "refined": Base("mpsr-lite", {"refine": True}),
    "plain": Base("mpsr-lite", {"refine": False}),
    "defrcn": Base("defrcn-lite", {}),
}


@dataclass(frozen=True)
class Way:
    """One way of learning. text: for the table. model: the kind of detector.

    objects: shown beside each picture, None where the method has none. calibrate: whether
    prototypes re-score. like: the way whose training it shares, where only the test differs.
    """

    text: str
    model: str
    base: str
    objects: int | None = None
    calibrate: bool = False
    like: str | None = None


WAYS = {
    "plain": Way("mpsr-lite without object pyramids", "mpsr-lite", "plain", objects=0),
    "refined": Way("mpsr-lite", "mpsr-lite", "refined", objects=1),
    "refined shots": Way(
        "mpsr-lite, pyramids of the new classes only", "mpsr-lite", "plain", objects=1
    ),
    "defrcn": Way("defrcn-lite", "defrcn-lite", "defrcn", calibrate=True),
    "defrcn plain": Way("defrcn-lite without prototypes", "defrcn-lite", "defrcn", like="defrcn"),
}

HEAD = """# Learning classes whose objects differ in size: what object pyramids are worth

Made by `benchmarks/object_pyramids.py`. Bases of {base_steps} steps on {base_scenes} drawn scenes
with {base_classes} classes; {classes} other classes in look-alike families of three, learnt in
{steps} steps of {batch} pictures; {scenes} other scenes to test on. Objects are {smallest:.0f} to
{largest:.0f} pixels long. AP50 in percent, also of small (below 32² pixels), medium and large
(above 96²) objects. Means with Student's 95 % interval over n seeds, each with other boxes;
differences are taken seed by seed; seconds are those of learning, the median by the clock.
Rates: {rates}.
"""


def base_weights(name: str, work: Path, *, steps: int) -> Path:
    """Return the weights of a base, trained now, or further, if it is not finished."""
    base, folder = BASES[name], work / f"base-{name}"
    recipe: Any = api.recipe(base.recipe, choices=base.choices, steps=steps)
    model = replace(recipe.model, class_names=shelf_classes(BASE_OF_MANY_SIZES))
    recipe = replace(recipe, shelves=BASE_OF_MANY_SIZES, model=model)
    method = two_stage_method(recipe)
    torch.manual_seed(recipe.train.seed)
    network = method.build(recipe.model, pretrained_trunk=True)
    stream = method.stream(recipe, drawn_scenes(BASE_OF_MANY_SIZES, work))
    run = RunFolder.open(folder, to_dict(recipe), write_weights=write_weights)
    train(DetectionTask(network, stream), recipe.train, run=run, device="cpu")
    return weight_file(folder)


def write_weights(model: nn.Module, path: Path) -> None:
    """Write the weights of a base."""
    source = "a base of the object pyramids benchmark"
    save_detector(cast(TrainableDetector, model), path, source=source)


def learnt(
    way: Way, support: Dataset, base: Path, *, rate: float, seed: int, steps: int
) -> TrainableDetector:
    """Return the base after it has learnt ``support`` in this way."""
    recipe = SMALL[way.model].learn(
        support.class_names, boxes=len(support.table), based=True, tested=False, seed=seed
    )
    if way.objects is not None:
        recipe = replace(recipe, refinement=replace(recipe.refinement, objects=way.objects))
    settings = replace(recipe.train, steps=steps, batch=BATCH, lr=rate)
    recipe = replace(recipe, train=settings)
    torch.manual_seed(seed)
    network = start_network(recipe, base)
    stream = two_stage_method(recipe).stream(recipe, support)
    train(DetectionTask(network, stream), settings, device="cpu")
    return network


def measured(
    network: TrainableDetector, support: Dataset, query: Dataset, *, calibrate: bool
) -> dict[str, float]:
    """Return AP50 of ``network`` on ``query`` by size of object, 0 to 100."""
    detector = detector_of(network, support, calibrate=calibrate)
    results = to_coco_results(query, detections_on(detector, query))
    precision = coco_evaluation(ground_truth_of(query), results).curves.precision[IOU_50]
    by_size = dict(zip(FIGURES, precision.reshape(-1, len(SIZES)).T, strict=True))
    return {name: 100 * float(values[values >= 0].mean()) for name, values in by_size.items()}


class Measurements:
    """Figures by cell (way, shots, rate, seed), kept on disk as they come."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        every = drawn_scenes(SCENES, options.work)
        self.pool = every.subset(range(TRAINING_SCENES))
        self.query = every.subset(range(TRAINING_SCENES, len(every)))
        self.bases: dict[str, Path] = {}
        self.kept = kept(RESULTS)

    def figures(self, name: str, shots: int, rate: float, seed: int) -> dict[str, float]:
        """Return the figures of a way of learning, measured now if they never were.

        What shares its training is measured along with it.
        """
        key = cell(name, shots, rate, seed)
        if key not in self.kept:
            self.kept = kept(RESULTS)
        if key not in self.kept:
            first = WAYS[name].like or name
            together = [other for other, way in WAYS.items() if first in (other, way.like)]
            chosen = sample_shots(self.pool, [shots], seed=seed)[shots]
            support = dataset_from_manifest(self.pool, chosen)
            way, steps = WAYS[first], self.options.steps
            base = self.base(way.base)
            started = time.perf_counter()
            network = learnt(way, support, base, rate=rate, seed=seed, steps=steps)
            seconds = round(time.perf_counter() - started, 1)
            fresh = {}
            for other in together:
                found = measured(network, support, self.query, calibrate=WAYS[other].calibrate)
                fresh[cell(other, shots, rate, seed)] = {**found, "seconds": seconds}
            self.kept = keep(RESULTS, fresh)
        return self.kept[key]

    def base(self, name: str) -> Path:
        """Return the weights of a base; it is trained if it is not finished."""
        if name not in self.bases:
            options = self.options
            self.bases[name] = base_weights(name, options.work, steps=options.base_steps)
        return self.bases[name]

    def column(
        self, name: str, together: Sequence[int], rate: float
    ) -> dict[int, dict[str, float]]:
        """Return the figures of a way of learning on the seeds it is measured on so far.

        They are means over ``together``, numbers of boxes, of which none may lack.
        """
        found = {}
        for seed in self.options.seeds:
            keys = [cell(name, shots, rate, seed) for shots in together]
            runs = [self.kept[key] for key in keys if key in self.kept]
            if len(runs) == len(keys):
                found[seed] = {
                    figure: sum(run[figure] for run in runs) / len(runs) for figure in runs[0]
                }
        return found

    def best_rate(self, name: str) -> float:
        """Return the rate that is asked for, or is best on the seeds outside the table."""
        if self.options.rate is not None:
            return self.options.rate
        name = WAYS[name].like or name

        def total(rate: float) -> float:
            runs = [self.figures(name, TUNING_SHOTS, rate, seed) for seed in TUNING_SEEDS]
            return sum(run[FIGURES[0]] for run in runs)

        return max(RATES, key=total)


def cell(name: str, shots: int, rate: float, seed: int) -> str:
    """Return what the figures of one run are kept by."""
    return f"{name}, {shots} shots, {rate:g}, seed {seed}"


def table(measurements: Measurements, rates: Mapping[str, float], together: Sequence[int]) -> str:
    """Return all ways of learning as Markdown, as far as they are measured.

    together: numbers of boxes a class, of which means are taken seed by seed.
    """
    titles = list(TITLES.values())
    heads = [
        "way of learning",
        "n",
        *titles,
        *(f"{title} over plain" for title in titles),
        "seconds",
    ]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    plain = measurements.column("plain", together, rates["plain"]) if "plain" in rates else {}
    for name, rate in rates.items():
        mine = measurements.column(name, together, rate)
        if not mine:
            continue
        cells = [WAYS[name].text, str(len(mine))]
        for figure in FIGURES:
            cells.append(shown(student_interval([one[figure] for one in mine.values()])))
        both = sorted(set(mine) & set(plain)) if name != "plain" else []
        for figure in FIGURES:
            first, second = ({seed: one[seed][figure] for seed in both} for one in (mine, plain))
            cells.append(shown(paired_difference(first, second), sign="+") if both else "–")
        cells.append(f"{median(one['seconds'] for one in mine.values()):.0f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def page(measurements: Measurements, rates: Mapping[str, float]) -> str:
    """Return the table of every K."""
    options = measurements.options
    text = HEAD.format(
        base_steps=options.base_steps,
        base_scenes=BASE_OF_MANY_SIZES.scenes,
        base_classes=BASE_OF_MANY_SIZES.classes,
        classes=SCENES.classes,
        steps=options.steps,
        batch=BATCH,
        scenes=len(measurements.query),
        smallest=SCENES.side * SCENES.scale[0],
        largest=SCENES.side * SCENES.scale[1],
        rates=", ".join(f"{WAYS[name].text} {rate:g}" for name, rate in rates.items()),
    )
    for shots in options.shots:
        text += f"\n## {shots} boxes a class\n\n" + table(measurements, rates, [shots])
    few = [shots for shots in options.shots if shots <= FEW]
    if len(few) > 1:
        text += f"\n## {few[0]} to {few[-1]} boxes a class: means of a seed\n\n"
        text += table(measurements, rates, few)
    return text


def main() -> None:
    """Measure every way of learning that is not measured yet, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--shots", nargs="*", type=int, default=list(SHOTS))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--base-steps", type=int, default=2000)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--only-bases", action="store_true", help="train the bases, no more")
    parser.add_argument("--only-table", action="store_true", help="of what is measured so far")
    options = parser.parse_args()
    if options.only_bases:
        for name in dict.fromkeys(WAYS[way].base for way in options.ways):
            base_weights(name, options.work, steps=options.base_steps)
        return
    measurements = Measurements(options)
    rates = {name: measurements.best_rate(name) for name in options.ways}
    if options.only_table:
        write_text(TABLE, page(measurements, rates))
        return
    for seed in options.seeds:
        for shots in options.shots:
            for name, rate in rates.items():
                measurements.figures(name, shots, rate, seed)
                write_text(TABLE, page(measurements, rates))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
