"""Running the published recipes of one-stage detectors: YOLOX and O2F."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from handful.api.dense_methods import dense_method
from handful.api.orders import Order, Trained
from handful.api.trained import weight_file
from handful.data.dataset import Dataset
from handful.data.formats import read_dataset
from handful.data.splits.records import keep_classes
from handful.errors import DataError
from handful.evaluate.coco import coco_metrics
from handful.evaluate.crowdhuman import crowdhuman_evaluation
from handful.evaluate.detector import search_pictures
from handful.evaluate.mmdet import mmdet_figures
from handful.evaluate.records import ground_truth_of
from handful.methods.o2f.recipes import O2FRecipe
from handful.methods.yolox.recipes import YOLOXRecipe
from handful.predict.trained import TrainedDetector
from handful.recipes.dense import DenseEvaluation
from handful.train.detection import DetectionTask
from handful.train.loop import train

LISTED = 8

Figures = Callable[..., Mapping[str, float | None]]


def train_dense(recipe: YOLOXRecipe | O2FRecipe, order: Order) -> Trained:
    """Run ``recipe`` as ``order`` says, or go on where it was stopped.

    order.base: weights to start from: of the same network (YOLOX, which else starts from nothing),
    or as ``recipe.init`` says (O2F).
    Raises ``ConfigError`` and ``DataError`` for what the order and the data can be wrong in.
    """
    order = order.without_pcb()
    shown = picture_set(recipe.data.train, recipe.data.train_images, recipe.model.class_names)
    asked = picture_set(recipe.data.test, recipe.data.test_images, recipe.model.class_names)
    require_objects(asked)
    torch.manual_seed(recipe.train.seed)
    method = dense_method(recipe)
    network = method.start(recipe, order.base)
    stream = method.stream(recipe, network, shown)
    run = order.open_run(recipe)
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
    found = search_pictures(TrainedDetector(listening(model, rules.score_threshold)), asked)
    if rules.rules == "crowdhuman":
        counted = crowdhuman_evaluation(asked, found.detections)
        measured: Mapping[str, float | None] = counted.figures()
    else:
        figures: Figures = mmdet_figures if rules.rules == "mmdet" else coco_metrics
        masks = found.masks is not None and asked.outlines is not None
        measured = figures(ground_truth_of(asked), found.results(asked), masks=masks)
    return {n: value for n, value in measured.items() if isinstance(value, float) and value >= 0}


def listening(model: Any, threshold: float) -> Any:
    """Return ``model`` with another least score; they share their weights."""
    other = copy(model)
    other.config = replace(model.config, score_threshold=threshold)
    return other
