"""The command ``handful train``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from handful.errors import ConfigError

if TYPE_CHECKING:
    from handful.api import Trained


def train(
    name: str = "",
    /,
    *,
    list: bool = False,
    out: Path | None = None,
    split: int | None = None,
    stage: Literal["base", "novel", "memory", "source", "target", "all"] | None = None,
    setting: Literal["fsod", "gfsod"] | None = None,
    shots: int | None = None,
    seed: int | None = None,
    starting_point: Literal["mmfewshot", "authors"] | None = None,
    data_root: Path | None = None,
    choose: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    set: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    steps: int | None = None,
    base: Annotated[Path | None, tyro.conf.arg(name="from")] = None,
    pcb: Path | None = None,
    print: bool = False,
    overwrite: bool = False,
    device: str | None = None,
) -> None:
    """Train by a recipe; --list says which there are.

    Any field of the recipe can be changed: --train.lr 0.005. A stopped run goes on where it was.

    Args:
        name: of the recipe.
        list: show all recipes with their choices and what these are if unsaid; train nothing.
        out: folder of the run; by default one under out/train that says what is run.
        split: of VOC's classes, 1 to 3.
        stage: base on many pictures, or novel on K boxes a class; of ms2a: base, memory, source,
            target, or all of these.
        setting: of the novel stage: a head for novel classes only, or for all.
        shots: K.
        seed: number of the list of K boxes, or of everything random where there is none.
        starting_point: of mpsr: whose way to train a base, or whose base to start from.
        data_root: the folder that holds the published data sets.
        choose: CHOICE=VALUE, for choices that only some recipes have.
        set: FIELD=VALUE of the recipe; --FIELD VALUE is short for it.
        steps: optimiser steps, in place of the recipe's own.
        base: weights to start from.
        pcb: weights of the network that calibrates scores.
        print: show the complete recipe, and train nothing.
        overwrite: remove an earlier run in that folder.
        device: cpu, cuda or cuda:1; by default a GPU if there is one.
    """
    import sys

    from handful import api
    from handful.cli.fields import read_changes
    from handful.cli.terminal import terminal_reporter
    from handful.recipes.listing import recipe_lines
    from handful.recipes.tree import show

    if list:
        sys.stdout.write(recipe_lines(api.recipes()))
        return
    if not name:
        raise ConfigError("no recipe is named", remedy="'handful train --list' shows all of them")
    named = {"split": split, "stage": stage, "setting": setting, "shots": shots, "seed": seed}
    named |= {"starting_point": starting_point, "data_root": data_root}
    choices = {key: str(value) for key, value in named.items() if value is not None}
    choices |= read_changes(choose)
    changes = read_changes(set)
    recipe = api.recipe(name, choices=choices, changes=changes, steps=steps)
    if print:
        sys.stdout.write(show(recipe) + "\n")
        return
    trained = api.train(
        name,
        recipe,
        out=out or api.run_folder(name, choices),
        base=base,
        pcb=pcb,
        overwrite=overwrite,
        device=device,
        reporter=terminal_reporter(),
    )
    _show(trained, detects=stage != "memory")


def _show(trained: Trained, *, detects: bool) -> None:
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    for metric, value in trained.results.items():
        console.print(f"{metric} {100 * value:.1f}")
    console.print(str(trained.weights), markup=False)
    if detects:
        console.print(f"Next: handful detect --help, with --model {trained.weights}", markup=False)
