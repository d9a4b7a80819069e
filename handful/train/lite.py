"""Making ``os2d-lite``: draw scenes, look at them once, train what is not the trunk."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import torch
from PIL import Image

from handful.data.synthetic import ShelfRecipe, draw_scene, scene_layout
from handful.files import write_text
from handful.methods.os2d.lite import LiteRecipe
from handful.methods.os2d.model import OS2D
from handful.methods.os2d.pool import FeaturePool, pool_loss, whiten_projection
from handful.methods.os2d.windows import Scene, WindowCutter
from handful.reporter import Reporter, SilentReporter, track
from handful.train.loop import train

SAMPLE = 500
"""Windows whose features decide where the projection starts."""


def train_lite(
    recipe: LiteRecipe, folder: Path, *, workers: int = 2, reporter: Reporter | None = None
) -> OS2D:
    """Train by ``recipe`` and return the model; its trunk is as its package brings it.

    ``folder`` gets the recipe and a checkpoint, from which training resumes if it is there.
    workers: processes that draw; their number changes nothing else.
    """
    reporter = reporter or SilentReporter()
    write_text(folder / "recipe.json", json.dumps(asdict(recipe), indent=1) + "\n")
    torch.manual_seed(recipe.seed)
    model = OS2D(recipe.model, pretrained_trunk=True).eval()
    model.trunk.requires_grad_(False)
    scenes = draw_pool(recipe.shelves, workers=workers, reporter=reporter)
    pool = FeaturePool.fill(
        recipe, WindowCutter(recipe.cuts, recipe.shelves, scenes), model, reporter
    )
    whiten_projection(model, pool.window_features[:SAMPLE], power=recipe.whitening)
    model.head.train()
    optimizer = torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
    )
    train(
        model,
        pool.batches,
        partial(pool_loss, model, recipe=recipe),
        optimizer=optimizer,
        steps=recipe.steps,
        schedule=partial(warm_cosine, steps=recipe.steps, warmup=recipe.warmup),
        clip=recipe.clip,
        checkpoint=folder / "checkpoint.pt",
        reporter=reporter,
    )
    return model.eval()


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
