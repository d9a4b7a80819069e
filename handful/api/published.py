"""Running the published few-shot recipes: base training, K-shot training, evaluation."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn

from handful.api.measuring import Sides, measure
from handful.api.orders import Order, Trained
from handful.api.trained import weight_file
from handful.api.two_stage_methods import started, two_stage_method
from handful.data.dataset import Dataset
from handful.data.objects import ObjectStream
from handful.data.splits.manifest import ShotManifest, manifest_of
from handful.errors import ConfigError
from handful.evaluate.detector import detections_on
from handful.evaluate.records import to_coco_results
from handful.memory.calibration import PrototypeCalibration, class_prototypes
from handful.memory.embedders import ResNet101Embedder
from handful.methods.detector import TrainableDetector
from handful.methods.few_shot import FewShotRecipe
from handful.methods.two_stage import TwoStageDetector
from handful.predict.trained import TrainedDetector
from handful.train.detection import DetectionTask
from handful.train.loop import train
from handful.train.run import PROTOTYPES, SHOTS
from handful.weights import load_weights


def train_published(recipe: FewShotRecipe, order: Order) -> Trained:
    """Run ``recipe`` as ``order`` says, or go on where it was stopped.

    order.base: the weights that ``recipe.init`` starts from: an ImageNet backbone for the base
    stage, a base detector for the novel one. order.pcb: the classifier whose embeddings
    calibrate, if the recipe asks for it. Raises ``ConfigError`` if one of these is lacking,
    before any data is read, and all that the data, the weights and the folder can be wrong in.
    """
    order = order if _calibrates(recipe) else order.without_pcb()
    _require_weights(recipe, order.base, order.pcb)
    data, method = recipe.data, two_stage_method(recipe)
    shown, asked = data.read_train(draw_seed=recipe.train.seed), data.read_test()
    torch.manual_seed(recipe.train.seed)
    network = _started(recipe, order.base)
    stream = method.stream(recipe, shown)
    run = order.open_run(recipe)
    known = stream.objects if isinstance(stream, ObjectStream) else shown
    for note in known.notes:
        order.reporter.note(note)
    if data.stage == "novel":
        run.keep(SHOTS, _manifest(recipe, shown).to_json())
    calibration = _calibration(recipe, shown, order)
    task = DetectionTask(
        network,
        stream,
        measure=partial(_measure, recipe=recipe, asked=asked, calibration=calibration),
        metric=recipe.evaluate.metric,
    )
    outcome = train(task, recipe.train, run=run, reporter=order.reporter, device=str(order.where))
    return Trained(run.path, weight_file(run.path), outcome.results)


def _manifest(recipe: FewShotRecipe, shown: Dataset) -> ShotManifest:
    data = recipe.data
    return manifest_of(
        shown,
        shots=data.shots or 0,
        seed=data.seed,
        novel=tuple(name for name in shown.class_names if name in data.division.novel),
        repetition="same_boxes" if recipe.repeats > 1 else "other_boxes",
    )


def _calibrates(recipe: FewShotRecipe) -> bool:
    """Return whether ``recipe`` calibrates scores, which not every method can."""
    return getattr(recipe.model, "pcb", False)


def _require_weights(
    recipe: FewShotRecipe, base: Path | str | None, pcb: Path | str | None
) -> None:
    if recipe.init != "none" and base is None:
        what = "an ImageNet backbone" if recipe.init == "msra" else "a base detector"
        raise ConfigError(
            "this recipe starts from other weights",
            field="init",
            got=recipe.init,
            expected=f"--from with {what}",
            remedy="See 'handful weights list', or set init=none to start from random weights",
        )
    if _calibrates(recipe) and pcb is None:
        raise ConfigError(
            "this recipe calibrates scores with a second network",
            field="model.pcb",
            expected="--pcb with torchvision's ResNet-101, converted",
            remedy="See 'handful weights list', or set model.pcb=false",
        )


def _started(recipe: FewShotRecipe, base: Path | str | None) -> TwoStageDetector:
    method = two_stage_method(recipe)
    network = method.build(recipe.model)
    if base is None:
        return network
    state, card = load_weights(base, dtype=torch.float32)
    try:
        return started(recipe, network, state, card)
    except ConfigError as error:
        raise error.at(base) from error


def _calibration(
    recipe: FewShotRecipe, shown: Dataset, order: Order
) -> PrototypeCalibration | None:
    if not _calibrates(recipe) or order.pcb is None:
        return None
    state, _ = load_weights(order.pcb, dtype=torch.float32)
    embedder = ResNet101Embedder(state).to(order.where)
    memory = class_prototypes(embedder, shown, reporter=order.reporter)
    memory.save(order.out / PROTOTYPES)
    return PrototypeCalibration(
        embedder,
        memory.to(order.where),
        recipe.model.blend,
        excluded=frozenset(recipe.data.base_classes()),
    )


def _measure(
    model: nn.Module,
    *,
    recipe: FewShotRecipe,
    asked: Dataset,
    calibration: PrototypeCalibration | None,
) -> dict[str, float]:
    detector = TrainedDetector(cast(TrainableDetector, model), calibration=calibration, score=None)
    division = recipe.data.division
    found = detections_on(detector, asked)
    measured = measure(
        asked,
        found,
        to_coco_results(asked, found),
        protocol=recipe.evaluate.protocol,
        sides=Sides(division.base, division.novel),
    )
    return {name: value for name, value in measured.metrics.items() if isinstance(value, float)}
