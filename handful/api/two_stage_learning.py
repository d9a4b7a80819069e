"""Learning with the small two-stage detectors: what they bring to ``learn``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from handful.api.learn_plans import METRIC, LearnOrder, Plan
from handful.api.models import PACKAGED, model_file
from handful.api.trained import detector_state
from handful.api.two_stage_methods import SMALL, two_stage_method
from handful.data.dataset import Dataset
from handful.errors import NotSupported
from handful.memory.calibration import PrototypeCalibration, class_prototypes
from handful.memory.embedders import LiteEmbedder
from handful.methods.two_stage import TwoStageDetector
from handful.methods.two_stage_start import start_from
from handful.train.detection import DetectionTask
from handful.train.run import PROTOTYPES

IMAGENET = "imagenet"


class TwoStageLearning:
    """A support set about to be learnt; raises ``NotSupported`` for what only others can do."""

    def __init__(self, support: Dataset, order: LearnOrder) -> None:
        require_one_way(order)
        self.support, self.order = support, order
        self.base = base_name(order)
        self.start = base_file(self.base)

    def recipe(self) -> Any:
        """Return how it would be learnt."""
        recipe = SMALL[self.order.model].learn(
            self.support.class_names,
            boxes=len(self.support.table),
            based=self.start is not None,
            tested=self.order.tested,
            seed=self.order.seed,
        )
        return replace(recipe, base=self.base)

    def plan(self, recipe: Any) -> Plan:
        """Return what a run of ``recipe`` needs; ``WeightsError`` for an unfit base."""
        where, support = self.order.where, self.support
        network = start_network(recipe, self.start)
        stream = two_stage_method(recipe).stream(recipe, support)
        plan = Plan(
            network, lambda measure: DetectionTask(network, stream, measure=measure, metric=METRIC)
        )
        if not recipe.calibrate:
            return plan
        embedder = LiteEmbedder().to(where)
        memory = class_prototypes(embedder, support, reporter=self.order.reporter)
        calibration = PrototypeCalibration(embedder, memory.to(where), recipe.model.blend)
        return Plan(plan.network, plan.task, calibration, memory, PROTOTYPES)


def require_one_way(order: LearnOrder) -> None:
    """Raise ``NotSupported`` if the order asks a detector that learns in one way for another."""
    for field, asked in (("route", order.route), ("keep_classes", order.keep)):
        if asked:
            raise NotSupported(
                f"{order.model} learns in one way only",
                field=field,
                got=asked,
                remedy="Leave it out, or take a YOLOX",
            )


def base_name(order: LearnOrder) -> str:
    """Return the base that is asked for, else the one that comes with handful, if any."""
    return str(order.base or (order.model if order.model in PACKAGED else IMAGENET))


def base_file(base: str) -> Path | None:
    """Return the weights to start from, or None for ImageNet's."""
    return None if base == IMAGENET else model_file(base)


def start_network(recipe: Any, start: Path | None) -> TwoStageDetector:
    """Return the network before it learns: a base without its classes, or ImageNet's trunk.

    Raises ``WeightsError`` if the base is of another architecture.
    """
    network = two_stage_method(recipe).build(recipe.model, pretrained_trunk=start is None)
    if start is None:
        return network
    return start_from(network, "remove", detector_state(start))
