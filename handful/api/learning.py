"""From a handful of boxes to a detector, in one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from handful.api.models import model_file, torch_device
from handful.api.showing import show_run
from handful.api.trained import (
    detector_state,
    load_detector,
    save_detector,
)
from handful.data.dataset import Dataset
from handful.data.formats import read_dataset
from handful.data.splits.manifest import manifest_of
from handful.data.splits.records import keep_classes
from handful.errors import ConfigError, DataError, suggest
from handful.evaluate.detector import measure_detector
from handful.files import require_writable
from handful.memory.calibration import PrototypeCalibration, class_prototypes
from handful.memory.embedders import LiteEmbedder
from handful.methods.defrcn.learning import LearnRecipe, learn_recipe
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.pictures import input_rule, train_transform
from handful.methods.defrcn.start import start_from
from handful.methods.detector import TrainableDetector
from handful.predict.trained import TrainedDetector
from handful.recipes.tree import override, to_dict
from handful.reporter import Reporter, SilentReporter
from handful.train.detection import DetectionTask, training_stream
from handful.train.loop import train
from handful.train.run import LAST, PROTOTYPES, SHOTS, RunFolder

MODELS = ("defrcn-lite",)
IMAGENET = "imagenet"
METRIC = "AP50"


@dataclass(frozen=True)
class Learned:
    """What learning gives.

    folder: the run: recipe, boxes, log, weights. results: figures on the pictures that were
    given to test on, at the best step; empty without any. boxes: how many of each class.
    """

    folder: Path
    detector: TrainedDetector
    recipe: LearnRecipe
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
    val: Path | str | Dataset | None = None,
    seed: int = 0,
    changes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    device: str | None = None,
    reporter: Reporter | None = None,
) -> Learned:
    """Learn the classes of ``support`` from its boxes; ``out`` becomes the folder of the run.

    base: weights of a detector of the same kind to start from: a file, or "imagenet" for a trunk
    alone; by default the base that comes with handful. val: pictures to choose the best step by;
    never learnt from. changes: fields of the recipe, such as ``train.steps``.
    A run that was stopped goes on where it was. Raises ``DataError`` for a support without
    boxes, ``WeightsError`` for a base of another architecture, ``ConfigError`` for an unknown
    model and for a folder that holds another run.
    """
    reporter = reporter or SilentReporter()
    if model not in MODELS:
        raise ConfigError("no such model to learn with", got=model, remedy=suggest(model, MODELS))
    folder = Path(out)
    require_writable(folder / LAST)
    shown = support_set(support)
    asked = None if val is None else validation_set(val, shown.class_names)
    start = base_file(base)
    recipe = learn_recipe(
        shown.class_names,
        boxes=len(shown.table),
        based=start is not None,
        tested=asked is not None,
        seed=seed,
    )
    recipe = override(recipe, {"base": str(base or MODELS[0]), **(changes or {})})
    where = torch_device(device)
    torch.manual_seed(recipe.train.seed)
    network = start_network(recipe, start)
    embedder = LiteEmbedder().to(where) if recipe.calibrate else None
    run = RunFolder.open(
        folder,
        to_dict(recipe),
        overwrite=overwrite,
        refresh=show_run,
        write_weights=partial(_write, source=f"handful learn, {len(shown.table)} boxes"),
    )
    run.keep(SHOTS, manifest_of(shown, shots=most_boxes(shown), seed=seed).to_json())
    calibration = None
    if embedder is not None:
        memory = class_prototypes(embedder, shown, reporter=reporter)
        memory.save(folder / PROTOTYPES)
        calibration = PrototypeCalibration(embedder, memory.to(where), recipe.model.blend)
    task = DetectionTask(
        network,
        training_stream(
            shown,
            train_transform(recipe.model, recipe.augmentation),
            input_rule(recipe.model),
            settings=recipe.train,
        ),
        measure=None if asked is None else partial(_measure, asked=asked, calibration=calibration),
        metric=METRIC,
    )
    outcome = train(task, recipe.train, run=run, reporter=reporter, device=str(where))
    detector = load_detector(folder, device=where)
    return Learned(folder, detector, recipe, outcome.results, box_counts(shown))


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
    return keep_classes(shown, known)


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
    return keep_classes(asked, common)


def box_counts(dataset: Dataset) -> dict[str, int]:
    """Return how many boxes that are no crowd each class has."""
    labels = dataset.table.labels[~dataset.table.crowd]
    counts = torch.bincount(labels, minlength=len(dataset.class_names))
    return dict(zip(dataset.class_names, counts.tolist(), strict=True))


def most_boxes(dataset: Dataset) -> int:
    """Return the K of a set: the boxes of the class that has most."""
    return max(box_counts(dataset).values())


def base_file(base: Path | str | None) -> Path | None:
    """Return the weights to start from, or None for ImageNet's."""
    return None if base == IMAGENET else model_file(base or MODELS[0])


def start_network(recipe: LearnRecipe, start: Path | None) -> DeFRCN:
    """Return the network before it learns: a base without its classes, or ImageNet's trunk.

    Raises ``WeightsError`` if the base is of another architecture.
    """
    network = DeFRCN(recipe.model, pretrained_trunk=start is None)
    if start is None:
        return network
    return start_from(network, "remove", detector_state(start))


def _write(model: nn.Module, path: Path, *, source: str) -> None:
    save_detector(cast(TrainableDetector, model), path, source=source)


def _measure(
    model: nn.Module, *, asked: Dataset, calibration: PrototypeCalibration | None
) -> dict[str, float]:
    detector = TrainedDetector(cast(TrainableDetector, model), calibration=calibration, score=None)
    return measure_detector(detector, asked)
