"""Training by a recipe's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from handful.api.dense_training import train_dense
from handful.api.domain_training import train_stage, train_stages
from handful.api.lite_training import train_base, train_oneshot
from handful.api.orders import Order, Trained
from handful.api.published import train_published
from handful.files import require_writable
from handful.methods.defrcn.lite_base import LiteBaseRecipe
from handful.methods.defrcn.recipes import DeFRCNRecipe
from handful.methods.mpsr.lite_base import MPSRLiteRecipe
from handful.methods.mpsr.recipes import MPSRRecipe
from handful.methods.ms2a.recipes import MS2ARecipe, MS2AStages
from handful.methods.o2f.lite import O2FLiteRecipe
from handful.methods.o2f.recipes import O2FRecipe
from handful.methods.os2d.lite import LiteRecipe
from handful.methods.yolox.recipes import YOLOXRecipe
from handful.recipes.published import Published, published_results
from handful.recipes.registry import RecipeEntry, build_recipe, recipe_entry, recipe_names
from handful.recipes.tree import leaf_types, override
from handful.reporter import Reporter, SilentReporter
from handful.train.run import LAST

AnyRecipe = (
    LiteRecipe
    | LiteBaseRecipe
    | MPSRLiteRecipe
    | DeFRCNRecipe
    | MPSRRecipe
    | YOLOXRecipe
    | O2FLiteRecipe
    | O2FRecipe
    | MS2ARecipe
    | MS2AStages
)
RECIPES = (
    "handful.methods.os2d.lite",
    "handful.methods.defrcn.lite_base",
    "handful.methods.defrcn.recipes",
    "handful.methods.defrcn.tfa_recipes",
    "handful.methods.mpsr.lite_base",
    "handful.methods.mpsr.recipes",
    "handful.methods.yolox.recipes",
    "handful.methods.o2f.lite",
    "handful.methods.o2f.recipes",
    "handful.methods.ms2a.recipes",
)
"""Modules whose recipes are known by name."""

RESULTS = (
    "handful.methods.defrcn.published",
    "handful.methods.mpsr.published",
    "handful.methods.o2f.published",
)
"""Modules that know what was published for recipes."""

RUNNERS: dict[type, Callable[[Any, Order], Trained]] = {
    LiteRecipe: train_oneshot,
    LiteBaseRecipe: train_base,
    MPSRLiteRecipe: train_base,
    DeFRCNRecipe: train_published,
    MPSRRecipe: train_published,
    YOLOXRecipe: train_dense,
    O2FLiteRecipe: train_base,
    O2FRecipe: train_dense,
    MS2ARecipe: train_stage,
    MS2AStages: train_stages,
}
"""Who runs a recipe of which kind."""

RUNS = Path("out") / "train"


def recipes() -> tuple[RecipeEntry, ...]:
    """Return everything that is known by a name: who builds it, with which choices."""
    for module in RECIPES:
        import_module(module)
    return tuple(recipe_entry(name) for name in recipe_names())


def published() -> tuple[Published, ...]:
    """Return what was published for recipes, and what of it has been verified here."""
    recipes()
    for module in RESULTS:
        import_module(module)
    return published_results()


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
    recipes()
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
    chosen = recipe(name) if chosen is None else chosen
    folder = run_folder(name) if out is None else Path(out)
    require_writable(folder / LAST)
    order = Order(name, folder, base, pcb, overwrite, device, reporter or SilentReporter())
    return RUNNERS[type(chosen)](chosen, order)
