"""Learning with O2F: what it brings to ``learn``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from handful.api.dense_methods import small_o2f_stream
from handful.api.learn_plans import METRIC, LearnOrder, Plan
from handful.api.trained import read_detector
from handful.api.two_stage_learning import base_file, base_name, require_one_way
from handful.data.dataset import Dataset
from handful.errors import ConfigError, WeightsError
from handful.memory.naming import ExampleNaming, example_memory
from handful.memory.timm_embedder import named_embedder
from handful.methods.o2f.learning import O2FLearnRecipe, learn_recipe
from handful.methods.o2f.lite import LITE_CONFIG
from handful.methods.o2f.model import O2F
from handful.methods.o2f.start import learn_only, start_from_detector
from handful.train.detection import DetectionTask
from handful.train.run import EXAMPLES

O2F_TRUNKS: Mapping[str, str] = {"o2f-lite": LITE_CONFIG.trunk, "o2f-r50": "resnet50"}
"""Detectors to learn with, by name, and their trunks."""


class O2FLearning:
    """A support set about to be learnt.

    Raises ``NotSupported`` for what only others can do, ``ConfigError`` where there is no base,
    ``WeightsError`` for a base of another kind.
    """

    def __init__(self, support: Dataset, order: LearnOrder) -> None:
        require_one_way(order)
        self.support, self.order = support, order
        self.base = base_name(order)
        file = base_file(self.base)
        self.start = None if file is None else base_detector(file, order.model)
        if self.start is None and order.model != "o2f-lite":
            raise ConfigError(
                f"{order.model} learns on weights that are not part of this installation",
                field="base",
                got=self.base,
                expected="a weight file of an O2F with this trunk, trained on COCO for example",
                remedy="See 'handful weights list'; 'handful weights convert' makes such a file",
            )

    def recipe(self) -> O2FLearnRecipe:
        """Return how it would be learnt: large trunks, which know much, stay as they are."""
        config = LITE_CONFIG if self.start is None else self.start.config
        recipe = learn_recipe(
            config,
            self.support.class_names,
            boxes=len(self.support.table),
            part="all" if config.trunk == LITE_CONFIG.trunk else "head",
            masks=self.support.outlines is not None,
            based=self.start is not None,
            tested=self.order.tested,
            seed=self.order.seed,
        )
        return replace(recipe, base=self.base)

    def plan(self, recipe: O2FLearnRecipe) -> Plan:
        """Return what a run of ``recipe`` needs; ``WeightsError`` for an unfit base."""
        where = self.order.where
        network = learn_only(self._network(recipe), recipe.part)
        stream = small_o2f_stream(recipe, network, self.support)
        plan = Plan(
            network, lambda measure: DetectionTask(network, stream, measure=measure, metric=METRIC)
        )
        if not recipe.calibrate:
            return plan
        embedder = named_embedder(recipe.embedder).to(where)
        memory = example_memory(embedder, self.support, reporter=self.order.reporter)
        naming = ExampleNaming(embedder, memory.to(where), recipe.model.blend)
        return Plan(plan.network, plan.task, naming, memory, EXAMPLES)

    def _network(self, recipe: O2FLearnRecipe) -> O2F:
        if self.start is None:
            return O2F(recipe.model, pretrained_trunk=True)
        base = self.start.config
        # Rows of another kind of classifier say something else.
        same = base.classifier == recipe.model.classifier
        return start_from_detector(
            O2F(recipe.model),
            self.start.state_dict(),
            base_classes=base.class_names if same else (),
            masks="any",
        )


def base_detector(file: Path, model: str) -> O2F:
    """Return the detector in ``file``; raises ``WeightsError`` unless it is a ``model``."""
    detector = read_detector(file)
    if isinstance(detector, O2F) and detector.config.trunk == O2F_TRUNKS[model]:
        return detector
    trunk = getattr(detector.config, "trunk", "")
    raise WeightsError(
        "the base is another detector",
        file=file,
        got=f"{detector.method} {trunk}".strip(),
        expected=f"o2f {O2F_TRUNKS[model]}",
        remedy=f"Name weights of {model}",
    )
