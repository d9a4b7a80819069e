"""What each two-stage method brings to a run: its network, its start, its stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from handful.data.dataset import Dataset
from handful.data.staging import Stream
from handful.data.transforms.augmentation import PUBLISHED
from handful.methods.defrcn import learning as defrcn_learning
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.pictures import input_rule, train_transform
from handful.methods.mpsr import learning as mpsr_learning
from handful.methods.mpsr.config import MPSRConfig
from handful.methods.mpsr.model import MPSR
from handful.methods.mpsr.start import require_starting_point
from handful.methods.mpsr.stream import learning_stream
from handful.methods.two_stage import TwoStageDetector
from handful.methods.two_stage_start import start_from
from handful.recipes.tree import from_dict
from handful.train.detection import training_stream
from handful.train.runtime import process_count, process_rank
from handful.weights import Card

State = Mapping[str, Tensor]


@dataclass(frozen=True)
class TwoStageMethod:
    """How runs of one method are put together, whatever recipe asks for them.

    build: a network of a recipe's model; ``pretrained_trunk`` says with which trunk. stream: what
    it learns from. learn: the recipe to learn a user's classes by.
    """

    build: Callable[..., TwoStageDetector]
    stream: Callable[[Any, Dataset], Stream]
    learn: Callable[..., Any]


def two_stage_method(recipe: Any) -> TwoStageMethod:
    """Return the method whose model ``recipe`` has."""
    return METHODS[type(recipe.model)]


def started(recipe: Any, network: TwoStageDetector, state: State, card: Card) -> TwoStageDetector:
    """Give a fresh ``network`` the weights of a card as ``recipe`` says.

    Raises ``WeightsError`` for weights that do not fit, ``ConfigError`` for a base that the
    recipe cannot start from.
    """
    wanted = getattr(recipe, "starting_point", None)
    if wanted is not None:
        require_starting_point(from_dict(MPSRConfig, dict(card.config)), wanted)
    return start_from(
        network,
        recipe.init,
        state,
        base_classes=card.class_names,
        generator=torch.Generator().manual_seed(recipe.train.seed),
    )


def _defrcn_stream(recipe: Any, dataset: Dataset) -> Stream:
    augmentation = getattr(recipe, "augmentation", PUBLISHED)
    transform = train_transform(recipe.model, augmentation)
    return training_stream(dataset, transform, input_rule(recipe.model), settings=recipe.train)


def _mpsr_stream(recipe: Any, dataset: Dataset) -> Stream:
    data = getattr(recipe, "data", None)
    return learning_stream(
        dataset,
        recipe.model,
        settings=recipe.train,
        refinement=recipe.refinement,
        repeat=None if data is None else data.repeat,
        augmentation=recipe.augmentation,
        rank=process_rank(),
        world=process_count(),
    )


METHODS: Mapping[type, TwoStageMethod] = {
    DeFRCNConfig: TwoStageMethod(DeFRCN, _defrcn_stream, defrcn_learning.learn_recipe),
    MPSRConfig: TwoStageMethod(MPSR, _mpsr_stream, mpsr_learning.learn_recipe),
}
"""By the settings of the model."""

SMALL: Mapping[str, TwoStageMethod] = {
    "defrcn-lite": METHODS[DeFRCNConfig],
    "mpsr-lite": METHODS[MPSRConfig],
}
"""Detectors that learn on a CPU, by name."""
