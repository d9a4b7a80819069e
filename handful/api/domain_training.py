"""Running the published recipes of MS2A: one stage, or all of them."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import torch

from handful.api.dense_training import measure_dense, picture_set, require_objects
from handful.api.domain_steps import (
    MEMORY,
    Work,
    memory_fingerprint,
    require_one_process,
    stored_memory,
)
from handful.api.orders import Order, Trained
from handful.api.trained import detector_state, weight_file
from handful.data.dataset import Dataset
from handful.errors import ConfigError
from handful.memory.domain_memory import DomainMemories
from handful.methods.ms2a.adapting import MixedStep, PlainStep
from handful.methods.ms2a.model import MS2A
from handful.methods.ms2a.recipes import MS2ARecipe, MS2AStages
from handful.methods.ms2a.scenarios import PictureSet
from handful.methods.ms2a.start import start_from_detector
from handful.methods.ms2a.stream import Exchange
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.weights import starting_entries
from handful.nn.entries import require_same_entries

STARTS = {
    "base": "a YOLOX of this size, such as COCO's",
    "memory": "what the stage base came to",
    "source": "what the stage base came to",
    "target": "what the stage source came to",
}
"""What each stage is given with ``--from``."""


def train_stages(recipe: MS2AStages, order: Order) -> Trained:
    """Run the four stages, each in a folder of its own; what is finished is not run again."""
    require_one_process()
    order = order.without_pcb()
    start, trained = order.base, Trained(order.out, order.out, {})
    for name in (field.name for field in fields(recipe)):
        stage: MS2ARecipe = getattr(recipe, name)
        if name == "source":
            stage = replace(stage, memory_file=order.out / "memory" / MEMORY)
        order.reporter.note(f"stage {name}")
        trained = train_stage(stage, replace(order, out=order.out / name, base=start))
        start = start if name == "memory" else trained.weights
    return replace(trained, folder=order.out)


def train_stage(recipe: MS2ARecipe, order: Order) -> Trained:
    """Run one stage as ``order`` says, or go on where it was stopped.

    order.base: the weights it starts from, see ``STARTS``. Raises ``ConfigError`` if they or the
    memory are lacking, ``WeightsError`` if they do not fit, and ``DataError``.
    """
    order = order.without_pcb()
    if order.base is None:
        raise ConfigError(
            f"the stage {recipe.stage} starts from other weights",
            field="from",
            got="none",
            expected=STARTS[recipe.stage],
        )
    if recipe.warning:
        order.reporter.note(recipe.warning)
    torch.manual_seed(recipe.train.seed)
    base = Path(order.base)
    if recipe.stage == "memory":
        return _store(recipe, _detector(recipe, base), order)
    sets = recipe.data
    tested = _pictures(sets.source_test if recipe.stage == "base" else sets.target_test, recipe)
    if recipe.select == "best":
        require_objects(tested)
    work = Work(
        order.where,
        order.reporter,
        partial(measure_dense, asked=tested, rules=recipe.evaluate),
        metric=recipe.evaluate.metric if recipe.select == "best" else None,
    )
    if recipe.stage == "base":
        network = YOLOX(recipe.detector)
        entries = starting_entries(detector_state(base), recipe.detector)
        network.load_state_dict({**network.state_dict(), **entries})
        shown = _pictures(sets.source, recipe)
        step = PlainStep(recipe.train, recipe.groups, recipe.augmentation, recipe.scales)
        results = work.learn_plain(network, shown, step, run=order.open_run(recipe))
        return Trained(order.out, weight_file(order.out), results)
    network = _adapted(recipe, base)
    source = sets.source if recipe.stage == "source" else sets.source_few
    domains = [_pictures(one, recipe) for one in (source, sets.target_few)]
    exchange = Exchange(recipe.augmentation, recipe.copy_paste, recipe.scales, recipe.close_mosaic)
    step = MixedStep(recipe.train, recipe.groups, exchange, recipe.repeats)
    results = work.learn_mixed(network, domains, step, run=order.open_run(recipe))
    return Trained(order.out, weight_file(order.out), results)


def _store(recipe: MS2ARecipe, network: YOLOX, order: Order) -> Trained:
    require_one_process()
    pictures = (recipe.data.source, recipe.data.target)
    sets = {
        domain: _pictures(one, recipe)
        for domain, one in zip(recipe.model.domains, pictures, strict=True)
    }
    order.open_run(recipe)
    stored_memory(
        network.to(order.where),
        sets,
        order.out,
        settings=recipe.memory,
        workers=recipe.train.workers,
        overwrite=order.overwrite,
        reporter=order.reporter,
    )
    return Trained(order.out, order.out / MEMORY, {})


def _adapted(recipe: MS2ARecipe, base: Path) -> MS2A:
    """Return the network that the stage source or target starts with."""
    if recipe.stage == "target":
        network, state = MS2A(recipe.model), detector_state(base)
        require_same_entries(state, network.state_dict(), network="network of the recipe")
        network.load_state_dict(state)
        return network
    if recipe.memory_file is None:
        raise ConfigError(
            "the stage source learns to use a memory",
            field="memory_file",
            got="none",
            expected=f"{MEMORY} of the stage memory",
            remedy="Give it with --set memory_file=FILE, or run --stage all",
        )
    detector = _detector(recipe, base)
    memories = DomainMemories.load(recipe.memory_file, model=memory_fingerprint(detector))
    return start_from_detector(recipe.model, detector.state_dict(), memories)


def _detector(recipe: MS2ARecipe, file: Path) -> YOLOX:
    network, state = YOLOX(recipe.detector), detector_state(file)
    require_same_entries(state, network.state_dict(), network="detector of the recipe")
    network.load_state_dict(state)
    return network


def _pictures(one: PictureSet, recipe: MS2ARecipe) -> Dataset:
    return picture_set(one.file, one.images, recipe.model.class_names)
