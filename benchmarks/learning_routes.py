"""Learning from boxes on YOLOX-nano: every route, the automatic choice, and plain fine-tuning.

    python benchmarks/learning_routes.py --base WEIGHTS --episodes FOLDER --data FOLDER
        --work FOLDER

WEIGHTS are those of YOLOX-nano on COCO, after ``handful weights convert``. Episodes are folders
SET/Kshot-seedS with support.json and query.json; ``--data`` holds SET/train.json, from which other
episodes are drawn to choose plain fine-tuning's learning rate on. Plain means: all layers, norms
frozen, 200 steps of batch 8, the augmentation of all routes, everything unlabelled is background,
no prototypes. Every cell that is measured is kept in ``benchmarks/learning_routes.json``, so a
stopped run goes on and several processes may share; the table is ``learning_routes.md``.
"""

from __future__ import annotations

import argparse
import random
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from cells import keep, kept, shown

from handful import api
from handful.data.dataset import Dataset
from handful.data.formats import read_dataset
from handful.data.splits.manifest import dataset_from_manifest
from handful.data.splits.sampler import sample_shots
from handful.evaluate.detector import measure_detector
from handful.evaluate.seeds import paired_difference, student_interval
from handful.files import write_text
from handful.recipes.tree import leaves

HERE = Path(__file__).parent
RESULTS, TABLE = HERE / "learning_routes.json", HERE / "learning_routes.md"
SETS, SHOTS, SEEDS = ("cards", "bccd"), (5, 1, 10), (0, 1, 2, 3, 4)
RATES, TUNING_SHOTS, TUNING_SEEDS, TUNING_PICTURES = (1e-4, 3e-4, 1e-3, 3e-3), 5, (100, 101), 60
FIGURES = ("AP50", "AP")
PLAIN, AUTO = "plain", "auto"
PLAIN_CHANGES = {
    "train.steps": 200,
    "likeness": 1.0,
    "model.sure_below": 1.0,
    "calibrate": False,
}
WAYS = {
    PLAIN: "plain fine-tuning",
    AUTO: "automatic choice",
    "prototypes": "prototypes, no training",
    "head": "head",
    "tune": "tune",
}

HEAD = """# Learning from a handful of boxes on YOLOX-nano

Made by `benchmarks/learning_routes.py` from `{base}`, on two public sets: playing cards and blood
cells. Only K boxes of a class are labelled; everything else in their pictures is not. Means with
Student's 95 % interval over n seeds, each with other boxes; differences are taken seed by seed.
CPU seconds of learning alone, on one core that others shared. Where the automatic choice trains as
plain fine-tuning does, both are figures of one network, with and without the examples' say. Plain
fine-tuning at its best rate of four ({rates}) on two episodes outside the table
({chosen}).

"""


def drawn(data: Path, shots: int, seed: int) -> tuple[Dataset, Dataset]:
    """Return an episode that is none of the published ones, tested on other training pictures."""
    pool = read_dataset(data / "train.json")
    support = dataset_from_manifest(pool, sample_shots(pool, [shots], seed=seed)[shots])
    used = {picture.file_name for picture in support.pictures}
    rest = [place for place, one in enumerate(pool.pictures) if one.file_name not in used]
    chosen = sorted(random.Random(seed).sample(rest, TUNING_PICTURES))
    return support, pool.subset(chosen)


def cell_key(name: str, shots: int, seed: int, way: str, rate: float | None) -> str:
    """Return what a cell is kept under."""
    return " ".join(str(part) for part in (name, shots, seed, way, rate) if part is not None)


class Measurements:
    """Cells: set, shots, seed, way, and the learning rate where it is not the recipe's own."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options

    def figures(
        self, name: str, shots: int, seed: int, way: str, rate: float | None = None
    ) -> dict[str, Any]:
        """Return the figures of one cell, measured now if they never were."""
        key = cell_key(name, shots, seed, way, rate)
        if key not in kept(RESULTS):
            found = self._measured(name, shots, seed, way, rate)
            # What the choice falls on is the same run.
            same = {f"{name} {shots} {seed} {found['route']}": found} if way == AUTO else {}
            plain = cell_key(name, shots, seed, PLAIN, found["lr"])
            if found["trained as plain"] and plain not in kept(RESULTS):
                same[plain] = {figure: found[f"{figure} alone"] for figure in FIGURES}
            keep(RESULTS, {key: found, **same})
        return kept(RESULTS)[key]

    def best_rate(self, name: str) -> float:
        """Return the best rate of plain fine-tuning outside the table."""

        def reached(rate: float) -> float:
            cells = [self.figures(name, TUNING_SHOTS, one, PLAIN, rate) for one in TUNING_SEEDS]
            return sum(cell["AP50"] for cell in cells)

        return max(RATES, key=reached)

    def column(
        self, name: str, shots: int, way: str, rate: float | None = None
    ) -> dict[int, dict[str, Any]]:
        """Return the cells of one way on the seeds that are measured so far."""
        cells = kept(RESULTS)
        keys = {seed: cell_key(name, shots, seed, way, rate) for seed in SEEDS}
        return {seed: cells[key] for seed, key in keys.items() if key in cells}

    def _measured(
        self, name: str, shots: int, seed: int, way: str, rate: float | None
    ) -> dict[str, Any]:
        support, query = self._episode(name, shots, seed)
        changes: dict[str, Any] = {}
        if way == PLAIN:
            changes = {**PLAIN_CHANGES, "train.lr": rate}
        folder = self.options.work / "learning_routes" / f"{name}{shots}-{seed}-{way}"
        shutil.rmtree(folder, ignore_errors=True)
        began = time.process_time()
        learned = api.learn(
            support,
            out=folder,
            model="yolox-nano",
            base=self.options.base,
            route={PLAIN: "tune", AUTO: None}.get(way, way),
            seed=seed,
            changes=changes,
            device="cpu",
        )
        seconds = time.process_time() - began
        learned.detector.score = None
        figures = measure_detector(learned.detector, query)
        learned.detector.calibration = None
        alone = measure_detector(learned.detector, query)
        shutil.rmtree(folder)
        found = {figure: 100 * figures[figure] for figure in FIGURES}
        found |= {f"{figure} alone": 100 * alone[figure] for figure in FIGURES}
        recipe = learned.recipe
        return {
            **found,
            "seconds": seconds,
            "route": recipe.route,
            "lr": recipe.train.lr,
            "trained as plain": way != PLAIN and trained_as_plain(recipe),
        }

    def _episode(self, name: str, shots: int, seed: int) -> tuple[Dataset, Dataset]:
        if seed not in SEEDS:
            return drawn(self.options.data / name, shots, seed)
        folder = self.options.episodes / name / f"{shots}shot-seed{seed}"
        return read_dataset(folder / "support.json"), read_dataset(folder / "query.json")


def trained_as_plain(recipe: Any) -> bool:
    """Return whether ``recipe`` trains as plain fine-tuning does: only what follows differs."""
    fields = leaves(recipe)
    return recipe.route == "tune" and all(
        fields[name] == value for name, value in PLAIN_CHANGES.items() if name != "calibrate"
    )


def table(measurements: Measurements, name: str, plain_rate: float) -> str:
    """Return all ways of learning one set as Markdown, with the seeds measured so far."""
    heads = ["K", "way", "n", *FIGURES, *(f"{one} over plain" for one in FIGURES), "seconds"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for shots in sorted(SHOTS):
        plain = measurements.column(name, shots, PLAIN, plain_rate)
        for way, text in WAYS.items():
            mine = plain if way == PLAIN else measurements.column(name, shots, way)
            if not mine:
                continue
            cells = [str(shots), text, str(len(mine))]
            cells += [shown(student_interval([o[f] for o in mine.values()])) for f in FIGURES]
            for figure in FIGURES:
                both = sorted(set(mine) & set(plain))
                first, second = ({s: one[s][figure] for s in both} for one in (mine, plain))
                over = shown(paired_difference(first, second), sign="+") if both else "–"
                cells.append("–" if way == PLAIN else over)
            seconds = [one["seconds"] for one in mine.values() if "seconds" in one]
            cells.append(f"{sum(seconds) / len(seconds):.0f}" if seconds else "–")
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write_tables(measurements: Measurements, rates: Mapping[str, float], base: Path) -> None:
    """Write what is measured so far."""
    text = HEAD.format(
        base=base.name,
        rates=", ".join(f"{rate:g}" for rate in RATES),
        chosen=", ".join(f"{name} {rate:g}" for name, rate in rates.items()),
    )
    for name, rate in rates.items():
        text += f"## {name}\n\n{table(measurements, name, rate)}\n"
    write_text(TABLE, text.rstrip() + "\n")


def main() -> None:
    """Measure every cell that is not measured yet, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("base", "episodes", "data", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--sets", nargs="*", default=list(SETS), choices=list(SETS))
    parser.add_argument("--shots", nargs="*", type=int, default=list(SHOTS))
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    options = parser.parse_args()
    measurements = Measurements(options)
    rates = {name: measurements.best_rate(name) for name in options.sets}
    for shots in options.shots:
        for seed in options.seeds:
            for name in options.sets:
                for way in options.ways:
                    rate = rates[name] if way == PLAIN else None
                    measurements.figures(name, shots, seed, way, rate)
                    write_tables(measurements, rates, options.base)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
