"""Learning with ``defrcn-lite``: what it brings to ``learn``."""

from __future__ import annotations

from pathlib import Path

from handful.api.learn_plans import METRIC, LearnOrder, Plan
from handful.api.models import model_file
from handful.api.trained import detector_state
from handful.data.dataset import Dataset
from handful.errors import NotSupported
from handful.memory.calibration import PrototypeCalibration, class_prototypes
from handful.memory.embedders import LiteEmbedder
from handful.methods.defrcn.learning import LearnRecipe, learn_recipe
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.pictures import input_rule, train_transform
from handful.methods.two_stage_start import start_from
from handful.train.detection import DetectionTask, training_stream
from handful.train.run import PROTOTYPES

IMAGENET = "imagenet"


class TwoStageLearning:
    """A support set about to be learnt; raises ``NotSupported`` for what only others can do."""

    def __init__(self, support: Dataset, order: LearnOrder) -> None:
        for field, asked in (("route", order.route), ("keep_classes", order.keep)):
            if asked:
                raise NotSupported(
                    f"{order.model} learns in one way only",
                    field=field,
                    got=asked,
                    remedy="Leave it out, or take a YOLOX",
                )
        self.support, self.order = support, order
        self.start = base_file(order.base, order.model)

    def recipe(self) -> LearnRecipe:
        """Return how it would be learnt."""
        return learn_recipe(
            self.support.class_names,
            boxes=len(self.support.table),
            based=self.start is not None,
            tested=self.order.tested,
            seed=self.order.seed,
        )

    def plan(self, recipe: LearnRecipe) -> Plan:
        """Return what a run of ``recipe`` needs; ``WeightsError`` for an unfit base."""
        where, support = self.order.where, self.support
        network = start_network(recipe, self.start)
        stream = training_stream(
            support,
            train_transform(recipe.model, recipe.augmentation),
            input_rule(recipe.model),
            settings=recipe.train,
        )
        plan = Plan(
            network, lambda measure: DetectionTask(network, stream, measure=measure, metric=METRIC)
        )
        if not recipe.calibrate:
            return plan
        embedder = LiteEmbedder().to(where)
        memory = class_prototypes(embedder, support, reporter=self.order.reporter)
        calibration = PrototypeCalibration(embedder, memory.to(where), recipe.model.blend)
        return Plan(plan.network, plan.task, calibration, memory, PROTOTYPES)


def base_file(base: Path | str | None, model: str) -> Path | None:
    """Return the weights to start from, or None for ImageNet's."""
    return None if base == IMAGENET else model_file(base or model)


def start_network(recipe: LearnRecipe, start: Path | None) -> DeFRCN:
    """Return the network before it learns: a base without its classes, or ImageNet's trunk.

    Raises ``WeightsError`` if the base is of another architecture.
    """
    network = DeFRCN(recipe.model, pretrained_trunk=start is None)
    if start is None:
        return network
    return start_from(network, "remove", detector_state(start))
