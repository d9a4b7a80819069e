"""Crossing a domain with ten labelled pictures: the steps of ``handful adapt`` and fine-tuning.

    python benchmarks/domain_shift.py --base WEIGHTS --work FOLDER [--carla FOLDER --coco FOLDER]

WEIGHTS are those of YOLOX-nano on COCO, after ``handful weights convert``. Drawn shelves go from
clear pictures to fog and to night; if COCO files train.json and test.json of CARLA's frames and of
COCO pictures are given, a simulator goes to the real world. Everything is learnt by
``handful.api.adapt``, with the recipe that ``handful adapt`` has. The learning rates of fine-tuning
are the best of three on seeds outside the table; the recipe's own numbers were chosen on the same
seeds. Every cell that is measured is kept in ``benchmarks/domain_shift.json``, so a stopped run
goes on; the tables are ``benchmarks/domain_shift.md``. Once rates are chosen, several processes may
share the work, each with seeds of its own. FOLDER keeps the drawn scenes and the runs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from cells import keep, kept, shown

from handful.api import Adapted, adapt
from handful.api.adapting import RULES
from handful.api.dense_training import measure_dense
from handful.api.trained import read_detector, save_detector
from handful.data.dataset import Dataset
from handful.data.drawn import drawn_scenes
from handful.data.formats import read_dataset
from handful.data.splits.records import keep_classes
from handful.data.synthetic import ShelfRecipe
from handful.evaluate.seeds import paired_difference, student_interval
from handful.files import write_json, write_text
from handful.methods.ms2a.config import SOURCE, TARGET
from handful.methods.ms2a.recipes import HARD_NMS_IOU
from handful.methods.yolox.start import start_from

HERE = Path(__file__).parent
RESULTS, TABLE = HERE / "domain_shift.json", HERE / "domain_shift.md"
LABELLED = 10
SOURCE_SCENES, TARGET_SCENES, TEST_SCENES = 200, 150, 60
SCENES = ShelfRecipe(
    seed=78,
    scenes=SOURCE_SCENES + TARGET_SCENES + 2 * TEST_SCENES,
    width=320,
    height=240,
    classes=6,
    look_alike=1,
    side=60,
    objects=(5, 10),
)
SHELF_INPUT, STREET_INPUT = (256, 320), (416, 416)
STREET_CLASSES = ("car", "bicycle", "motorcycle", "traffic light")
RATES = {
    "fog": (1e-4, 3e-4, 1e-3),
    "night": (1e-4, 3e-4, 1e-3),
    "street": (1e-5, 3e-5, 1e-4),
}
"""Of fine-tuning. COCO's detector knows the classes of the street, and forgets them at more."""

TUNING_SEEDS, FIRST_SEED = (100, 101), 0
SEEDS = {"fog": (0, 1, 2, 3, 4), "night": (0, 1, 2, 3, 4), "street": (0, 1, 2)}
FIGURES = ("target AP50", "target AP", "source AP50", "source AP")
UNTRAINED, BASELINE = "none", "fine-tune"
TUNED = (BASELINE, "fine-tune base")
"""What has a learning rate to choose, see ``RATES``."""

WAYS = {
    UNTRAINED: "the COCO detector as it is",
    "base": "source only (adapt, step 1)",
    BASELINE: "fine-tuned on 10, from source only",
    "fine-tune base": "fine-tuned on 10, from the COCO detector",
    "memory": "adapt, step 2: memory",
    "source": "adapt, step 3: source",
    "target": "adapt, step 4: target",
}

HEAD = """# Crossing a domain with {labelled} labelled pictures

Made by `benchmarks/domain_shift.py` from `{base}`. AP50 and COCO's AP on test pictures of both
domains, as the network of the last step sees them; means with Student's 95 % interval over n
seeds, each with other labelled pictures; differences are taken seed by seed. Fine-tuning at its
best rate of three on seeds {tuning}. Minutes of one CPU core for the step itself: each
way also takes those of what it starts from. Seeds differ in the labelled pictures; all share step 1
and the scenes that are tested on, those outside the table too.
"""

TITLES = {
    "fog": "drawn shelves, clear to fog",
    "night": "drawn shelves, clear to night",
    "street": "CARLA to COCO",
}


@dataclass(frozen=True)
class Pair:
    """Two domains. start: the name of the first, whose detector other pairs may share.

    target: of these the labelled pictures are drawn, the boxes of the others are not used.
    input_size: what pictures are fitted into.
    """

    start: str
    source: Dataset
    target: Dataset
    source_test: Dataset
    target_test: Dataset
    input_size: tuple[int, int]


def shelves(work: Path, style: str) -> Pair:
    """Return clear scenes and others in ``style``, drawn once into ``work``."""
    clear = SOURCE_SCENES + TEST_SCENES
    day = drawn(work, "day", range(clear))
    other = drawn(work, style, range(clear, SCENES.scenes))
    return Pair(
        "clear",
        day.subset(range(SOURCE_SCENES)),
        other.subset(range(TARGET_SCENES)),
        day.subset(range(SOURCE_SCENES, len(day))),
        other.subset(range(TARGET_SCENES, len(other))),
        SHELF_INPUT,
    )


def drawn(work: Path, style: str, numbers: Iterable[int]) -> Dataset:
    """Return some of the scenes in one style."""
    return drawn_scenes(replace(SCENES, style=style), work / "domain_shift", numbers=numbers)


def streets(simulated: Path, real: Path) -> Pair:
    """Return frames of a simulator and pictures of the real world, with the classes of both."""
    shown = {
        name: [
            keep_classes(read_dataset(folder / f"{name}.json"), STREET_CLASSES)
            for folder in (simulated, real)
        ]
        for name in ("train", "test")
    }
    return Pair("carla", *shown["train"], *shown["test"], input_size=STREET_INPUT)


def cell(name: str, way: str, rate: float | None, seed: int) -> str:
    """Return what the figures of one run are kept under."""
    return " ".join([name, way, *([] if rate is None else [f"{rate:g}"]), str(seed)])


def first_minutes(file: Path, *, since: float) -> float:
    """Return CPU minutes from ``since`` on, or what ``file`` says a shared run once took."""
    if not file.is_file():
        write_json(file, (time.process_time() - since) / 60)
    return json.loads(file.read_text(encoding="utf-8"))


class Runs:
    """The runs on one pair of domains, each in a folder of its own."""

    def __init__(self, name: str, make: Callable[[], Pair], options: argparse.Namespace) -> None:
        self.name, self.make, self.base = name, make, options.base
        self.folder: Path = options.work / "domain_shift" / "runs"

    @cached_property
    def pair(self) -> Pair:
        """The pictures, read when the first are needed."""
        return self.make()

    def figures(self, way: str, rate: float | None, seed: int) -> dict[str, float]:
        """Return the figures of one way of learning, measured now if they never were.

        What no labelled picture of the target takes part in is measured once.
        """
        seed = FIRST_SEED if way in (UNTRAINED, "base") else seed
        key = cell(self.name, way, rate, seed)
        if key not in kept(RESULTS):
            started = time.process_time()
            weights = self._learnt(way, rate, seed)
            minutes = first_minutes(weights.parent / f"{way}-minutes.json", since=started)
            fresh = {} if way == "memory" else self._measured(weights)
            fresh["minutes"] = minutes
            keep(RESULTS, {key: fresh})
        return kept(RESULTS)[key]

    def column(self, way: str, rate: float | None) -> dict[int, dict[str, float]]:
        """Return the figures of a way of learning on the seeds it is measured on so far."""
        known = kept(RESULTS)
        keys = {seed: cell(self.name, way, rate, seed) for seed in SEEDS[self.name]}
        return {seed: known[key] for seed, key in keys.items() if key in known}

    def best_rate(self, way: str) -> float | None:
        """Return the rate that is best on the seeds outside the table, if there is a choice."""
        for rate in RATES[self.name] if way in TUNED else ():
            for seed in TUNING_SEEDS:
                self.figures(way, rate, seed)
        return self.known_rate(way)

    def known_rate(self, way: str) -> float | None:
        """Return the best rate by the runs so far, None where there is no choice."""
        if way not in TUNED:
            return None

        known = kept(RESULTS)
        return max(RATES[self.name], key=lambda rate: self._tuned(known, way, rate))

    def _tuned(self, known: dict[str, Any], way: str, rate: float) -> float:
        keys = [cell(self.name, way, rate, seed) for seed in TUNING_SEEDS]
        return sum(known.get(key, {}).get("target AP50", 0.0) for key in keys)

    def _learnt(self, way: str, rate: float | None, seed: int) -> Path:
        """Return the weights that a way of learning comes to."""
        shared = self.folder / self.pair.start / "base"
        own = self.folder / self.name / str(seed)
        if way == UNTRAINED:
            return self._untrained()
        if way == "base":
            return self._adapted(shared, FIRST_SEED, base=self.base, until="base").weights
        self.figures("base", None, FIRST_SEED)  # so that its minutes are not counted here
        if way in TUNED:
            start = shared if way == BASELINE else self._untrained()
            changes = {"fine_tune.train.lr": rate}
            folder = own / f"{way} {rate:g}"
            run = partial(self._adapted, base_run=start, method="fine-tune", changes=changes)
            return run(folder, seed).weights
        return self._adapted(own / "adapt", seed, base_run=shared, until=way).weights

    def _adapted(self, folder: Path, seed: int, **asked: Any) -> Adapted:
        pair, changes = self.pair, asked.pop("changes", {})
        return adapt(
            pair.source,
            target_images=pair.target,
            target_few=pair.target,
            out=folder,
            pictures=LABELLED,
            seed=seed,
            changes={"model.input_size": list(pair.input_size), **changes},
            device="cpu",
            **asked,
        )

    def _untrained(self) -> Path:
        """Return the base with the classes of the pair: what it says of those that it knows."""
        file = self.folder / self.pair.start / "untrained.safetensors"
        if not file.is_file():
            base: Any = read_detector(self.base)
            config = replace(
                base.config,
                class_names=self.pair.source.class_names,
                input_size=self.pair.input_size,
                norm="frozen",
                nms_iou=HARD_NMS_IOU,
            )
            torch.manual_seed(0)
            network = start_from(config, base.state_dict(), base_classes=base.config.class_names)
            save_detector(network, file, source=f"{self.base.name}, other classes")
        return file

    def _measured(self, weights: Path) -> dict[str, float]:
        """Return the figures of a detector on test pictures of both domains, 0 to 100."""
        found = {}
        asked = {TARGET: self.pair.target_test, SOURCE: self.pair.source_test}
        for domain, pictures in asked.items():
            network: Any = read_detector(weights)
            if hasattr(network.config, "domains"):
                network.config = replace(network.config, default_domain=domain)
            figures = measure_dense(network, asked=pictures, rules=RULES)
            found |= {f"{domain} {name}": 100 * figures[name] for name in ("AP50", "AP")}
        return found


def table(runs: Runs) -> str:
    """Return all ways of learning as Markdown, each with the seeds it is measured on so far."""
    heads = ["way", "rate", "n", *FIGURES, *(f"{one} over fine-tuned" for one in FIGURES[:2])]
    lines = [f"| {' | '.join([*heads, 'minutes'])} |", "|" + "---|" * (len(heads) + 1)]
    baseline = runs.column(BASELINE, runs.known_rate(BASELINE))
    for way, text in WAYS.items():
        rate = runs.known_rate(way)
        mine = runs.column(way, rate)
        if not mine:
            continue
        cells = [text, "–" if rate is None else f"{rate:g}", str(len(mine))]
        for name in FIGURES:
            values = [one[name] for one in mine.values() if name in one]
            cells.append(shown(student_interval(values)) if values else "–")
        for name in FIGURES[:2]:
            both = [seed for seed, one in mine.items() if seed in baseline and name in one]
            first, second = ({seed: one[seed][name] for seed in both} for one in (mine, baseline))
            compared = both and way != BASELINE
            cells.append(shown(paired_difference(first, second), sign="+") if compared else "–")
        minutes = [one["minutes"] for one in mine.values()]
        cells.append(f"{sum(minutes) / len(minutes):.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write_tables(every: Iterable[Runs], options: argparse.Namespace) -> None:
    """Write what is measured so far."""
    text = HEAD.format(
        labelled=LABELLED,
        base=options.base.name,
        tuning=", ".join(map(str, TUNING_SEEDS)),
    )
    known = {key.split()[0] for key in kept(RESULTS)}
    for runs in (runs for runs in every if runs.name in known):
        rates = ", ".join(f"{rate:g}" for rate in RATES[runs.name])
        text += f"\n## {TITLES[runs.name]}\n\nRates of fine-tuning: {rates}.\n\n{table(runs)}"
    write_text(TABLE, text)


def main() -> None:
    """Measure every way of learning that is not measured yet, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--carla", type=Path)
    parser.add_argument("--coco", type=Path)
    parser.add_argument("--pairs", nargs="*", default=list(SEEDS), choices=list(SEEDS))
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS["fog"]))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    options = parser.parse_args()
    makers = {style: partial(shelves, options.work, style) for style in ("fog", "night")}
    if options.carla and options.coco:
        makers["street"] = partial(streets, options.carla, options.coco)
    every = {name: Runs(name, make, options) for name, make in makers.items()}
    for seed in options.seeds:
        for name in (name for name in options.pairs if name in every and seed in SEEDS[name]):
            ways = [way for way in options.ways if way != UNTRAINED or name == "street"]
            for way in ways:
                every[name].figures(way, every[name].best_rate(way), seed)
                write_tables(every.values(), options)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
