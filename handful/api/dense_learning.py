"""Learning on a trained YOLOX: what it brings to ``learn``."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, partial
from typing import cast, get_args

import torch
from PIL import Image
from torch import Tensor

from handful.api.learn_plans import METRIC, LearnOrder, Plan
from handful.api.models import model_file
from handful.api.trained import read_detector
from handful.data.dataset import Dataset
from handful.errors import ConfigError, WeightsError, suggest
from handful.memory import ClassMemory
from handful.memory.embedders import PartsEmbedder
from handful.memory.lookalikes import Proposed, mark_lookalikes, propose_on, with_anything
from handful.memory.naming import ExampleNaming, example_memory
from handful.memory.timm_embedder import named_embedder
from handful.methods.yolox.learning import (
    DenseLearnRecipe,
    Evidence,
    Route,
    learn_recipe,
    proposing,
    proposing_network,
)
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.start import frozen_norms, hold_rows, learn_only, start_from
from handful.methods.yolox.stream import learning_stream
from handful.predict.trained import TrainedDetector
from handful.train.cached import CachedHeadTask
from handful.train.detection import DetectionTask, Measure
from handful.train.run import EXAMPLES
from handful.train.runtime import process_count, process_rank
from handful.train.task import Task


class DenseLearning:
    """A support set about to be learnt on the detector that ``order`` names as base.

    Raises ``ConfigError`` for an unknown route or no base, ``WeightsError`` for a base of
    another kind or size.
    """

    def __init__(self, support: Dataset, order: LearnOrder) -> None:
        if order.route is not None and order.route not in get_args(Route):
            raise ConfigError(
                "no such route",
                field="route",
                got=order.route,
                remedy=suggest(order.route, get_args(Route)),
            )
        self.support, self.order = support, order
        self.base = base_detector(order)
        self._examples: dict[str, tuple[PartsEmbedder, ClassMemory]] = {}

    def recipe(self) -> DenseLearnRecipe:
        """Return how the support would be learnt, after a look at what it shows."""
        recipe = learn_recipe(
            self.base.config,
            self.support.class_names,
            self.evidence,
            route=cast(Route | None, self.order.route),
            keep=self.order.keep,
            tested=self.order.tested,
            seed=self.order.seed,
        )
        self.order.reporter.note(f"route {recipe.route}: {recipe.reason}")
        return replace(recipe, base=str(self.order.base))

    def plan(self, recipe: DenseLearnRecipe) -> Plan:
        """Return what a run of ``recipe`` needs."""
        state, blend, where = self.base.state_dict(), recipe.model.blend, self.order.where
        if recipe.route == "prototypes":
            embedder, seen = self.examples(recipe.embedder)
            known = with_anything(seen, self.support, self.proposed, embedder)
            naming = ExampleNaming(embedder, known.to(where), blend)
            return Plan(proposing_network(recipe.model, state), None, naming, known, EXAMPLES)
        # First, so that what is random in it does not depend on who looks at the examples.
        network = start_from(recipe.model, state, base_classes=self.base.config.class_names)
        learn_only(network, recipe.part)
        if recipe.part == "rows":
            new = self.support.class_names
            hold_rows(network, [name for name in recipe.model.class_names if name not in new])
        task = partial(self._task, network, recipe)
        if not recipe.calibrate:
            return Plan(network, task)
        embedder, known = self.examples(recipe.embedder)
        naming = ExampleNaming(embedder, known.to(where), blend)
        return Plan(network, task, naming, known, EXAMPLES)

    def examples(self, name: str) -> tuple[PartsEmbedder, ClassMemory]:
        """Return the network of this name, and what the examples look like to it."""
        if name not in self._examples:
            embedder = named_embedder(name).to(self.order.where)
            memory = example_memory(embedder, self.support, reporter=self.order.reporter)
            self._examples[name] = embedder, memory
        return self._examples[name]

    @cached_property
    def proposed(self) -> Proposed:
        """What the base finds on the pictures of the support, whatever it is."""
        config = proposing(frozen_norms(self.base.config, self.support.class_names))
        network = proposing_network(config, self.base.state_dict()).to(self.order.where)
        detector = TrainedDetector(network, score=None)

        def propose(image: Image.Image) -> Tensor:
            return detector.detect_all(image).boxes

        return propose_on(self.support, propose, reporter=self.order.reporter)

    @cached_property
    def evidence(self) -> Evidence:
        """What the support says about how it may be learnt."""
        counts = torch.bincount(self.support.table.labels[~self.support.table.crowd])
        return Evidence(int(counts.min()), self.proposed.covered)

    def _task(self, network: YOLOX, recipe: DenseLearnRecipe, measure: Measure | None) -> Task:
        shown = self.support
        if recipe.likeness < 1 and recipe.part != "rows":
            embedder, seen = self.examples(recipe.embedder)
            shown = mark_lookalikes(
                shown,
                self.proposed,
                seen,
                embedder,
                least=recipe.likeness,
                reporter=self.order.reporter,
            )
        shown = among(shown, recipe.model.class_names)
        stream = learning_stream(
            shown,
            recipe.model,
            rule=network.input_rule(),
            augmentation=recipe.augmentation,
            scales=None,
            settings=recipe.train,
            rank=process_rank(),
            world=process_count(),
        )
        if recipe.route == "head":
            parts = recipe.train.accumulate
            return CachedHeadTask(
                network, stream, views=recipe.views, parts=parts, measure=measure, metric=METRIC
            )
        return DetectionTask(network, stream, measure=measure, metric=METRIC)


def among(dataset: Dataset, class_names: tuple[str, ...]) -> Dataset:
    """Return the set labelled by ``class_names``, of which its own classes are some."""
    places = torch.tensor([class_names.index(name) for name in dataset.class_names])
    table = replace(dataset.table, labels=places[dataset.table.labels])
    return replace(dataset, table=table, class_names=class_names, class_ids=())


def base_detector(order: LearnOrder) -> YOLOX:
    """Return the detector to start from.

    Raises ``ConfigError`` if none is named, ``WeightsError`` for one of another kind or size.
    """
    if order.base is None:
        raise ConfigError(
            f"{order.model} learns on weights that are not part of this installation",
            field="base",
            got="none",
            expected="a weight file of a YOLOX of this size, trained on COCO for example",
            remedy="See 'handful weights list'; 'handful weights convert' makes such a file",
        )
    file = model_file(order.base)
    detector = read_detector(file)
    wanted = order.model.removeprefix("yolox-")
    got = f"{detector.method}-{getattr(detector.config, 'size', '')}".rstrip("-")
    if not isinstance(detector, YOLOX) or detector.config.size != wanted:
        raise WeightsError(
            "the base is another detector",
            file=file,
            got=got,
            expected=order.model,
            remedy=f"Name weights of {order.model}, or --model {got}",
        )
    return detector.eval()
