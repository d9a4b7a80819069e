"""The command ``handful train os2d-lite``."""

from __future__ import annotations

from pathlib import Path


def os2d_lite(
    *, out: Path = Path("out/train/os2d-lite"), steps: int | None = None, seed: int | None = None
) -> None:
    """Train the small model that comes with handful, on pictures drawn here.

    Args:
        out: folder for the weights and their recipe.
        steps: optimiser steps; the recipe's own number if not given.
        seed: of the pictures and of fresh weights.
    """
    from rich.console import Console

    from handful import api
    from handful.cli.terminal import terminal_reporter

    weights = api.train("os2d-lite", out=out, steps=steps, seed=seed, reporter=terminal_reporter())
    console = Console(soft_wrap=True, highlight=False)
    console.print(str(weights), markup=False)
    console.print(f"Next: handful detect PICTURE --like CROP --model {weights}", markup=False)
