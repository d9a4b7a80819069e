"""Running the published few-shot recipes: base training, K-shot training, evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import nn

from handful.api.measuring import Sides, measure
from handful.api.models import torch_device
from handful.api.showing import show_run
from handful.api.trained import save_detector, weight_file
from handful.data.dataset import Dataset
from handful.data.splits.field_sets import read_field_set
from handful.data.splits.manifest import manifest_of
from handful.errors import ConfigError
from handful.evaluate.detector import detections_on
from handful.evaluate.records import to_coco_results
from handful.methods.defrcn.embedders import ResNet101Embedder
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.pcb import PrototypeCalibration, class_prototypes
from handful.methods.defrcn.pictures import input_rule, train_transform
from handful.methods.defrcn.recipes import DeFRCNRecipe
from handful.methods.defrcn.start import start_from
from handful.predict.trained import TrainedDetector
from handful.recipes.registry import recipe_document
from handful.reporter import Reporter, SilentReporter
from handful.train.detection import DetectionTask, training_stream
from handful.train.loop import train
from handful.train.run import PROTOTYPES, SHOTS, RunFolder
from handful.weights import load_weights


@dataclass(frozen=True)
class Trained:
    """What a run gives.

    folder: of the run. weights: what ``load`` takes. results: figures, 0 to 1, where something
    was to be found.
    """

    folder: Path
    weights: Path
    results: Mapping[str, float]


def train_published(
    name: str,
    recipe: DeFRCNRecipe,
    *,
    out: Path | str,
    base: Path | str | None = None,
    pcb: Path | str | None = None,
    overwrite: bool = False,
    device: str | None = None,
    reporter: Reporter | None = None,
) -> Trained:
    """Run ``recipe``, known as ``name``, in the folder ``out``, or go on where it was stopped.

    base: the weights that ``recipe.init`` starts from: an ImageNet backbone for the base stage,
    a base detector for the novel one. pcb: the classifier whose embeddings calibrate, if the
    recipe asks for it. Raises ``ConfigError`` if one of these is lacking, before any data is
    read, and all that the data, the weights and the folder can be wrong in.
    """
    reporter = reporter or SilentReporter()
    _require_weights(recipe, base, pcb)
    where = torch_device(device)
    root, data = recipe.data.root, recipe.data
    shown = read_field_set(
        data.train_sets(), root, draw_seed=recipe.train.seed, original_draw=data.original_draw
    )
    asked = read_field_set(data.test_sets(), root)
    torch.manual_seed(recipe.train.seed)
    network = _started(recipe, base)
    run = RunFolder.open(
        out,
        recipe_document(name, recipe),
        overwrite=overwrite,
        refresh=show_run,
        write_weights=partial(_write, source=f"handful train {name}"),
    )
    if data.stage == "novel":
        division = data.test_sets()[0].division
        manifest = manifest_of(
            shown,
            shots=data.shots or 0,
            seed=data.seed,
            novel=tuple(name for name in shown.class_names if name in division.novel),
            repetition="same_boxes" if recipe.repeats > 1 else "other_boxes",
        )
        run.keep(SHOTS, manifest.to_json())
    calibration = _calibration(recipe, shown, pcb, run.path, where, reporter)
    stream = training_stream(
        shown, train_transform(recipe.model), input_rule(recipe.model), settings=recipe.train
    )
    task = DetectionTask(
        network,
        stream,
        measure=partial(_measure, recipe=recipe, asked=asked, calibration=calibration),
        metric=recipe.evaluate.metric,
    )
    outcome = train(task, recipe.train, run=run, reporter=reporter, device=str(where))
    return Trained(run.path, weight_file(run.path), outcome.results)


def _require_weights(recipe: DeFRCNRecipe, base: Path | str | None, pcb: Path | str | None) -> None:
    if recipe.init != "none" and base is None:
        what = "an ImageNet backbone" if recipe.init == "msra" else "a base detector"
        raise ConfigError(
            "this recipe starts from other weights",
            field="init",
            got=recipe.init,
            expected=f"--from with {what}",
            remedy="See 'handful weights list', or set init=none to start from random weights",
        )
    if recipe.model.pcb and pcb is None:
        raise ConfigError(
            "this recipe calibrates scores with a second network",
            field="model.pcb",
            expected="--pcb with torchvision's ResNet-101, converted",
            remedy="See 'handful weights list', or set model.pcb=false",
        )


def _started(recipe: DeFRCNRecipe, base: Path | str | None) -> DeFRCN:
    network = DeFRCN(recipe.model)
    if base is None:
        return network
    state, card = load_weights(base, dtype=torch.float32)
    generator = torch.Generator().manual_seed(recipe.train.seed)
    try:
        return start_from(
            network, recipe.init, state, base_classes=card.class_names, generator=generator
        )
    except ConfigError as error:
        raise error.at(base) from error


def _calibration(
    recipe: DeFRCNRecipe,
    shown: Dataset,
    pcb: Path | str | None,
    folder: Path,
    device: torch.device,
    reporter: Reporter,
) -> PrototypeCalibration | None:
    if not recipe.model.pcb or pcb is None:
        return None
    state, _ = load_weights(pcb, dtype=torch.float32)
    embedder = ResNet101Embedder(state).to(device)
    memory = class_prototypes(embedder, shown, reporter=reporter)
    memory.save(folder / PROTOTYPES)
    return PrototypeCalibration.of(
        recipe.model, embedder, memory.to(device), excluded=recipe.data.base_classes()
    )


def _write(model: nn.Module, path: Path, *, source: str) -> None:
    save_detector(cast(DeFRCN, model), path, source=source)


def _measure(
    model: nn.Module,
    *,
    recipe: DeFRCNRecipe,
    asked: Dataset,
    calibration: PrototypeCalibration | None,
) -> dict[str, float]:
    detector = TrainedDetector(cast(DeFRCN, model), calibration=calibration, score=None)
    division = recipe.data.test_sets()[0].division
    found = detections_on(detector, asked)
    measured = measure(
        asked,
        found,
        to_coco_results(asked, found),
        protocol=recipe.evaluate.protocol,
        sides=Sides(division.base, division.novel),
    )
    return {name: value for name, value in measured.metrics.items() if isinstance(value, float)}
