"""Making ``os2d-lite``: draw scenes, look at them once, train what is not the trunk."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from handful.data.synthetic import ShelfRecipe, draw_scene, scene_layout
from handful.methods.os2d.lite import LiteRecipe
from handful.methods.os2d.model import OS2D
from handful.methods.os2d.pool import FeatureBatch, FeaturePool, pool_loss, whiten_projection
from handful.methods.os2d.windows import Scene, WindowCutter
from handful.recipes.settings import TrainSettings
from handful.recipes.tree import to_dict
from handful.reporter import Reporter, SilentReporter, track
from handful.train.loop import train
from handful.train.run import RunFolder
from handful.train.task import Task

SAMPLE = 500
"""Windows whose features decide where the projection starts."""


class LiteTask(Task):
    """Learning the projection and the transform net of ``model`` on a pool of features."""

    model: OS2D

    def __init__(self, model: OS2D, pool: FeaturePool, recipe: LiteRecipe) -> None:
        self.model, self.pool, self.recipe = model, pool, recipe

    def start_training(self) -> None:
        """Let the head gather statistics; the trunk is not run."""
        self.model.head.train()

    def batches(self, start: int) -> Iterator[FeatureBatch]:
        """Yield batches of features from step ``start`` on."""
        return self.pool.batches(start)

    def losses(self, model: OS2D, batch: FeatureBatch) -> Mapping[str, Tensor]:
        """Return the losses of the head on a batch."""
        return pool_loss(model, batch, recipe=self.recipe)

    def learning_rate_factor(self, step: int, settings: TrainSettings) -> float:
        """Return the factor of the recipe's own schedule."""
        return warm_cosine(step, steps=settings.steps, warmup=self.recipe.warmup)


def train_lite(
    recipe: LiteRecipe,
    folder: Path,
    *,
    workers: int = 2,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> OS2D:
    """Train by ``recipe`` and return the model; its trunk is as its package brings it.

    ``folder`` gets the recipe, a log and a checkpoint, from which training resumes if it is
    there. Raises ``ConfigError`` if it holds another recipe, unless ``overwrite``.
    workers: processes that draw; their number changes nothing else.
    """
    reporter = reporter or SilentReporter()
    run = RunFolder.open(folder, to_dict(recipe), overwrite=overwrite)
    torch.manual_seed(recipe.seed)
    model = OS2D(recipe.model, pretrained_trunk=True).eval()
    model.trunk.requires_grad_(False)
    scenes = draw_pool(recipe.shelves, workers=workers, reporter=reporter)
    pool = FeaturePool.fill(
        recipe, WindowCutter(recipe.cuts, recipe.shelves, scenes), model, reporter
    )
    whiten_projection(model, pool.window_features[:SAMPLE], power=recipe.whitening)
    task = LiteTask(model, pool, recipe)
    train(task, lite_settings(recipe), run=run, reporter=reporter, device="cpu")
    return model.eval()


def lite_settings(recipe: LiteRecipe) -> TrainSettings:
    """Return what the training loop needs to know of ``recipe``."""
    return TrainSettings(
        steps=recipe.steps,
        batch=recipe.windows_per_step,
        optimizer="adamw",
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
        schedule="cosine",
        clip=recipe.clip,
        nonfinite="skip",
        seed=recipe.seed,
    )


def draw_pool(shelves: ShelfRecipe, *, workers: int, reporter: Reporter) -> Sequence[Scene]:
    """Draw every scene of ``shelves``, in ``workers`` processes if it is more than one."""
    numbers = range(shelves.scenes)
    if workers <= 1:
        return [_scene(shelves, index) for index in track(numbers, reporter, "scenes")]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as processes:
        drawn = processes.map(partial(_scene, shelves), numbers, chunksize=8)
        return list(track(drawn, reporter, "scenes", total=shelves.scenes))


def _scene(shelves: ShelfRecipe, index: int) -> Scene:
    image: Image.Image = draw_scene(shelves, index)
    return Scene(image, scene_layout(shelves, index).objects)


def warm_cosine(step: int, *, steps: int, warmup: int) -> float:
    """Return the factor of the learning rate: a ramp, then half a cosine down to zero."""
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * step / steps))
