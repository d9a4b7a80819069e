"""Running the published recipes of YOLOX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from handful.api.orders import Order, Trained
from handful.api.trained import detector_state, weight_file
from handful.data.dataset import Dataset
from handful.data.formats import read_dataset
from handful.data.splits.records import keep_classes
from handful.errors import DataError
from handful.evaluate.coco import coco_metrics
from handful.evaluate.detector import detections_on
from handful.evaluate.mmdet import mmdet_figures
from handful.evaluate.records import ground_truth_of, to_coco_results
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.recipes import DenseEvaluation, YOLOXRecipe
from handful.methods.yolox.stream import learning_stream
from handful.nn.entries import require_same_entries
from handful.predict.trained import TrainedDetector
from handful.train.detection import DetectionTask
from handful.train.loop import train
from handful.train.runtime import process_count, process_rank

LISTED = 8

Figures = Callable[[Any, Any], Mapping[str, float | None]]


def train_dense(recipe: YOLOXRecipe, order: Order) -> Trained:
    """Run ``recipe`` as ``order`` says, or go on where it was stopped.

    order.base: weights of the same network to start from; by default it starts from nothing.
    Raises ``ConfigError`` and ``DataError`` for what the order and the data can be wrong in.
    """
    order = order.without_pcb()
    shown = picture_set(recipe.data.train, recipe.data.train_images, recipe.model.class_names)
    asked = picture_set(recipe.data.test, recipe.data.test_images, recipe.model.class_names)
    require_objects(asked)
    torch.manual_seed(recipe.train.seed)
    network = YOLOX(recipe.model)
    if order.base is not None:
        state = detector_state(Path(order.base))
        require_same_entries(state, network.state_dict(), network="network of the recipe")
        network.load_state_dict(state)
    run = order.open_run(recipe)
    stream = learning_stream(
        shown,
        replace(recipe.model, input_size=recipe.train_size),
        rule=network.input_rule(),
        augmentation=recipe.augmentation,
        scales=recipe.scales,
        settings=recipe.train,
        rank=process_rank(),
        world=process_count(),
    )
    task = DetectionTask(
        network,
        stream,
        measure=partial(measure_dense, asked=asked, rules=recipe.evaluate),
        metric=recipe.evaluate.metric,
    )
    outcome = train(task, recipe.train, run=run, reporter=order.reporter, device=str(order.where))
    return Trained(order.out, weight_file(order.out), outcome.results)


def picture_set(file: Path, images: Path, class_names: tuple[str, ...]) -> Dataset:
    """Return the pictures of a file with the classes of a recipe, matched by name."""
    return keep_classes(read_dataset(file, images=images), class_names)


def require_objects(asked: Dataset) -> None:
    """Raise ``DataError`` if nothing is to be found on ``asked``, by which weights are judged."""
    if not bool((~asked.table.crowd).any()):
        raise DataError(
            "no object to measure on",
            file=asked.name,
            got=f"{len(asked)} pictures without one",
            expected=f"boxes of {', '.join(asked.class_names[:LISTED])}",
        )


def measure_dense(model: nn.Module, *, asked: Dataset, rules: DenseEvaluation) -> dict[str, float]:
    """Return the figures of ``model`` on ``asked`` by ``rules``, 0 to 1.

    Those of which nothing was to be found are left out.
    """
    found = detections_on(TrainedDetector(listening(model, rules.score_threshold)), asked)
    figures: Figures = mmdet_figures if rules.rules == "mmdet" else coco_metrics
    measured = figures(ground_truth_of(asked), to_coco_results(asked, found))
    return {n: value for n, value in measured.items() if isinstance(value, float) and value >= 0}


def listening(model: Any, threshold: float) -> Any:
    """Return ``model`` with another least score; they share their weights."""
    other = copy(model)
    other.config = replace(model.config, score_threshold=threshold)
    return other
