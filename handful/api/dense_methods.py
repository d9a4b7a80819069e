"""What each one-stage method brings to a run: its network, its start, its stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from handful.api.trained import detector_state
from handful.data.dataset import Dataset
from handful.data.staging import Stream
from handful.data.transforms.augmentation import augmented
from handful.data.transforms.fit_range import FitRange
from handful.errors import ConfigError
from handful.methods.detector import TrainableDetector
from handful.methods.o2f.lite import O2FLiteRecipe
from handful.methods.o2f.model import O2F
from handful.methods.o2f.pictures import learnable
from handful.methods.o2f.pictures import train_transform as o2f_transform
from handful.methods.o2f.recipes import O2FRecipe
from handful.methods.o2f.start import start_from_classifier, start_from_detector
from handful.methods.o2f.stream import learning_stream as o2f_stream
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.recipes import YOLOXRecipe
from handful.methods.yolox.stream import learning_stream as yolox_stream
from handful.nn.entries import require_same_entries
from handful.train.runtime import process_count, process_rank
from handful.weights import load_weights
from handful.weights.card import BACKBONE

Base = Path | str | None


@dataclass(frozen=True)
class DenseMethod:
    """How runs of one method are put together.

    start: the network of a recipe, with the weights that the run starts from. stream: what it
    learns from.
    """

    start: Callable[[Any, Base], TrainableDetector]
    stream: Callable[[Any, TrainableDetector, Dataset], Stream]


def dense_method(recipe: Any) -> DenseMethod:
    """Return the method that ``recipe`` is one of."""
    return METHODS[type(recipe)]


def _yolox_start(recipe: YOLOXRecipe, base: Base) -> TrainableDetector:
    network = YOLOX(recipe.model)
    if base is not None:
        state = detector_state(Path(base))
        require_same_entries(state, network.state_dict(), network="network of the recipe")
        network.load_state_dict(state)
    return network


def _yolox_stream(recipe: YOLOXRecipe, network: TrainableDetector, dataset: Dataset) -> Stream:
    return yolox_stream(
        dataset,
        replace(recipe.model, input_size=recipe.train_size),
        rule=network.input_rule(),
        augmentation=recipe.augmentation,
        scales=recipe.scales,
        settings=recipe.train,
        rank=process_rank(),
        world=process_count(),
    )


def _o2f_start(recipe: O2FRecipe, base: Base) -> TrainableDetector:
    if (recipe.init == "none") != (base is None):
        kinds = {
            "imagenet": "--from with an ImageNet classifier",
            "detector": "--from with a trained O2F",
            "none": "no --from",
        }
        raise ConfigError(
            "the recipe and the weights to start from do not fit",
            field="init",
            got=recipe.init if base is None else f"{recipe.init}, and {base}",
            expected=kinds[recipe.init],
            remedy="See 'handful weights list', or set init to imagenet, detector or none",
        )
    network = O2F(recipe.model)
    if base is None:
        return network
    state, card = load_weights(base, dtype=torch.float32)
    wanted = BACKBONE if recipe.init == "imagenet" else O2F.method
    if card.method != wanted:
        raise ConfigError(
            "these are not the weights that the recipe starts from",
            file=base,
            field="method",
            got=card.method,
            expected=wanted,
            remedy="Set init to imagenet, detector or none",
        )
    if recipe.init == "imagenet":
        return start_from_classifier(network, state)
    return start_from_detector(network, state, base_classes=card.class_names)


def _o2f_stream(recipe: O2FRecipe, network: TrainableDetector, dataset: Dataset) -> Stream:
    return o2f_stream(
        learnable(dataset),
        o2f_transform(recipe.augmentation),
        rule=network.input_rule(),
        settings=recipe.train,
        epochs=recipe.epochs,
        masks=recipe.model.masks,
        rank=process_rank(),
        world=process_count(),
    )


def _lite_start(recipe: O2FLiteRecipe, base: Base) -> TrainableDetector:
    network = O2F(recipe.model, pretrained_trunk=True)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def small_o2f_stream(recipe: Any, network: TrainableDetector, dataset: Dataset) -> Stream:
    """Return the pictures of ``dataset`` as the recipe of a base, or of learning, shows them."""
    _, longest = recipe.model.test_size
    return o2f_stream(
        dataset,
        augmented(FitRange(longest, *recipe.short), recipe.augmentation),
        rule=network.input_rule(),
        settings=recipe.train,
        epochs=recipe.epochs,
        masks=recipe.model.masks,
        rank=process_rank(),
        world=process_count(),
    )


METHODS: Mapping[type, DenseMethod] = {
    YOLOXRecipe: DenseMethod(_yolox_start, _yolox_stream),
    O2FRecipe: DenseMethod(_o2f_start, _o2f_stream),
    O2FLiteRecipe: DenseMethod(_lite_start, small_o2f_stream),
}
"""By the kind of recipe."""
