"""The command ``handful sweep``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro


def sweep(
    name: str,
    /,
    *,
    shots: tuple[int, ...] = (1, 2, 3, 5, 10),
    seeds: str = "0..9",
    splits: tuple[int, ...] = (),
    setting: Literal["fsod", "gfsod"] | None = None,
    same_boxes: bool = False,
    data_root: Path | None = None,
    bases: Annotated[tuple[Path, ...], tyro.conf.arg(name="from")] = (),
    pcb: Path | None = None,
    set: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    out: Path | None = None,
    device: str | None = None,
) -> None:
    """Run a few-shot recipe for every split, K and seed, and end with the table.

    Each run has a folder of its own; a sweep that was stopped goes on with what is missing.

    Args:
        name: of the recipe, such as defrcn/voc.
        shots: the numbers K.
        seeds: first..last, or numbers separated by commas.
        splits: of VOC's classes.
        setting: a head for novel classes only, or for all, where the recipe leaves a choice.
        same_boxes: train again on the boxes of list 0, instead of a new list each time.
        data_root: the folder that holds the published data sets.
        bases: weights to start from, one for all splits or one for each.
        pcb: weights of the network that calibrates scores.
        set: FIELD=VALUE of the recipe; --FIELD VALUE is short for it.
        out: folder for all runs and the table.
        device: cpu, cuda or cuda:1; by default a GPU if there is one.
    """
    import sys

    from handful import api
    from handful.cli.fields import read_changes, read_numbers
    from handful.cli.terminal import terminal_reporter

    choices = {} if setting is None else {"setting": setting}
    if data_root is not None:
        choices["data_root"] = str(data_root)
    done = api.sweep(
        name,
        splits=splits,
        shots=shots,
        seeds=read_numbers(seeds, "seeds"),
        same_boxes=same_boxes,
        bases=bases,
        choices=choices,
        changes=read_changes(set),
        pcb=pcb,
        out=out,
        device=device,
        reporter=terminal_reporter(),
    )
    sys.stdout.write(done.to_markdown())
    sys.stdout.write(f"{done.folder}\n")
