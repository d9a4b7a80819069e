"""From a handful of boxes to a detector, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from handful.api.dense_learning import DenseLearning
from handful.api.learn_plans import Learning, LearnOrder, LearnRecipe, Plan
from handful.api.models import torch_device
from handful.api.o2f_learning import O2F_TRUNKS, O2FLearning
from handful.api.showing import show_run
from handful.api.trained import load_detector, save_detector
from handful.api.two_stage_learning import TwoStageLearning
from handful.api.two_stage_methods import SMALL
from handful.data.dataset import Dataset
from handful.data.formats import read_dataset
from handful.data.splits.manifest import manifest_of
from handful.data.splits.records import keep_classes as only_classes
from handful.errors import ConfigError, DataError, suggest
from handful.evaluate.detector import measure_detector
from handful.files import require_writable
from handful.memory.naming import ExampleNaming
from handful.methods.detector import TrainableDetector
from handful.methods.yolox.config import SCALES
from handful.predict.suggested import example_scores, suggested_scores
from handful.predict.trained import Calibration, TrainedDetector
from handful.recipes.tree import override, to_dict
from handful.reporter import Reporter, SilentReporter
from handful.train.loop import train
from handful.train.run import LAST, RESULTS, SCORES, SHOTS, RunFolder

LEARNINGS: Mapping[str, Callable[[Dataset, LearnOrder], Learning]] = {
    **dict.fromkeys(SMALL, TwoStageLearning),
    **{f"yolox-{size}": DenseLearning for size in SCALES},
    **dict.fromkeys(O2F_TRUNKS, O2FLearning),
}
MODELS = tuple(LEARNINGS)
MOST_PICTURES = 24
"""That a detector is tried on to see how its examples score."""


@dataclass(frozen=True)
class Learned:
    """What learning gives.

    folder: the run: recipe, boxes, log, weights. recipe: how it was learnt. results: figures on
    the pictures that were given to test on, at the best step; empty without any. boxes: how many
    of each class.
    """

    folder: Path
    detector: TrainedDetector
    recipe: Any
    results: Mapping[str, float]
    boxes: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for ``json.dumps``."""
        return {
            "folder": str(self.folder),
            "boxes": dict(self.boxes),
            "results": dict(self.results),
            "recipe": to_dict(self.recipe),
        }


def learn(
    support: Path | str | Dataset,
    *,
    out: Path | str,
    model: str = MODELS[0],
    base: Path | str | None = None,
    route: str | None = None,
    keep_classes: bool = False,
    val: Path | str | Dataset | None = None,
    seed: int = 0,
    changes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    device: str | None = None,
    reporter: Reporter | None = None,
) -> Learned:
    """Learn the classes of ``support`` from its boxes; ``out`` becomes the folder of the run.

    model: a name in ``MODELS``. base: weights of a detector of the same kind to start from: a
    file, or "imagenet" for a trunk alone; by default the base that comes with handful, and a
    trunk alone where none does. route: "prototypes", "head" or "tune" where the model knows them;
    by default the usual one. keep_classes: whether the classes of the base are still
    found. val: pictures to choose the best step by; never learnt from. changes: fields of the
    recipe, such as ``train.steps``.
    A run that was stopped goes on where it was. Raises ``DataError`` for a support without
    boxes, ``WeightsError`` for a base of another architecture, ``ConfigError`` for an unknown
    model and for a folder that holds another run, ``NotSupported`` for what a model cannot do.
    """
    reporter = reporter or SilentReporter()
    if model not in MODELS:
        raise ConfigError("no such model to learn with", got=model, remedy=suggest(model, MODELS))
    folder = Path(out)
    require_writable(folder / LAST)
    shown = support_set(support)
    asked = None if val is None else validation_set(val, shown.class_names)
    where = torch_device(device)
    order = LearnOrder(model, base, route, keep_classes, asked is not None, seed, where, reporter)
    learning = LEARNINGS[model](shown, order)
    recipe = override(learning.recipe(), dict(changes or {}))
    torch.manual_seed(recipe.train.seed)
    plan = learning.plan(recipe)
    run = RunFolder.open(
        folder,
        to_dict(recipe),
        overwrite=overwrite,
        refresh=show_run,
        write_weights=partial(_write, source=f"handful learn, {len(shown.table)} boxes"),
    )
    run.keep(SHOTS, manifest_of(shown, shots=most_boxes(shown), seed=seed).to_json())
    if plan.memory is not None:
        plan.memory.save(folder / plan.memory_name)
    results = carry_out(plan, recipe, run, asked=asked, order=order)
    detector = load_detector(folder, device=where)
    detector.suggested = scores_of(detector, shown)
    run.write(SCORES, detector.suggested)
    return Learned(folder, detector, recipe, results, box_counts(shown))


def scores_of(detector: TrainedDetector, shown: Dataset) -> dict[str, float]:
    """Return above which score each class should be shown, by how its examples score.

    Of many pictures some are looked at, evenly spread.
    """
    if isinstance(detector.calibration, ExampleNaming) and detector.calibration.blend.rename:
        return suggested_scores(detector.calibration.example_likeness())
    spread = range(0, len(shown), -(-len(shown) // MOST_PICTURES))
    targets = [shown.targets(place) for place in spread]
    found = [detector.detect_all(shown.pictures[place].read()) for place in spread]
    examples = [one[~one.crowd] for one in targets]
    return suggested_scores(example_scores(found, examples, shown.class_names))


def carry_out(
    plan: Plan, recipe: LearnRecipe, run: RunFolder, *, asked: Dataset | None, order: LearnOrder
) -> Mapping[str, float]:
    """Train what ``plan`` says, or only keep it if it needs no training; return its figures."""
    measure = None
    if asked is not None:
        measure = partial(_measure, asked=asked, calibration=plan.calibration)
    if plan.task is not None:
        task, where = plan.task(measure), str(order.where)
        return train(task, recipe.train, run=run, reporter=order.reporter, device=where).results
    network = plan.network.to(order.where).eval()
    results = {} if measure is None else measure(network)
    run.save_weights(network, run.last)
    run.write(RESULTS, {"steps": 0, "results": results})
    run.show()
    return results


def support_set(support: Path | str | Dataset) -> Dataset:
    """Return what is learnt from: classes that have a box; raises ``DataError`` if none has."""
    shown = support if isinstance(support, Dataset) else read_dataset(Path(support))
    counts = box_counts(shown)
    known = [name for name in shown.class_names if counts[name]]
    if not known:
        raise DataError(
            "no box to learn from",
            file=shown.name,
            got=f"{len(shown)} pictures without boxes",
            expected="one box or more of every class",
            remedy="Draw boxes around some objects",
        )
    return only_classes(shown, known)


def validation_set(val: Path | str | Dataset, class_names: tuple[str, ...]) -> Dataset:
    """Return the pictures to test on with the classes that are learnt.

    Raises ``DataError`` if none of these is known there.
    """
    asked = val if isinstance(val, Dataset) else read_dataset(Path(val))
    common = [name for name in class_names if name in asked.class_names]
    if not common:
        raise DataError(
            "the pictures to test on know none of the classes",
            file=asked.name,
            got=", ".join(asked.class_names),
            expected=", ".join(class_names),
            remedy="Classes are matched by name: name them alike in both",
        )
    return only_classes(asked, common)


def box_counts(dataset: Dataset) -> dict[str, int]:
    """Return how many boxes that are no crowd each class has."""
    labels = dataset.table.labels[~dataset.table.crowd]
    counts = torch.bincount(labels, minlength=len(dataset.class_names))
    return dict(zip(dataset.class_names, counts.tolist(), strict=True))


def most_boxes(dataset: Dataset) -> int:
    """Return the K of a set: the boxes of the class that has most."""
    return max(box_counts(dataset).values())


def _write(model: nn.Module, path: Path, *, source: str) -> None:
    save_detector(cast(TrainableDetector, model), path, source=source)


def _measure(
    model: nn.Module, *, asked: Dataset, calibration: Calibration | None
) -> dict[str, float]:
    detector = TrainedDetector(cast(TrainableDetector, model), calibration=calibration, score=None)
    return measure_detector(detector, asked)
