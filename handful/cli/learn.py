"""The command ``handful learn``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

if TYPE_CHECKING:
    from handful.api import Learned


Model = Literal[
    "defrcn-lite",
    "mpsr-lite",
    "o2f-lite",
    "o2f-r50",
    "yolox-nano",
    "yolox-tiny",
    "yolox-s",
    "yolox-m",
    "yolox-l",
    "yolox-x",
]


def learn(
    support: Path,
    /,
    *,
    out: Path = Path("out/learn"),
    model: Model = "defrcn-lite",
    base: str | None = None,
    route: Literal["prototypes", "head", "tune"] | None = None,
    keep_classes: bool = False,
    val: Path | None = None,
    steps: int | None = None,
    seed: int = 0,
    set: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    overwrite: bool = False,
    device: str | None = None,
    json: Path | None = None,
) -> None:
    """Learn new classes from the boxes you drew, a handful of each.

    Args:
        support: COCO JSON (or another format) with the boxes to learn from.
        out: folder for the detector, its recipe, log and results.
        model: the kind of detector.
        base: weights of a detector of this kind to start from, in place of the one that comes
            with handful, or 'imagenet', which is what a kind without one starts from; YOLOX needs
            one, see 'handful weights list'.
        route: how a YOLOX learns: 'prototypes' trains nothing and takes seconds, 'head' trains
            the last layers, 'tune' everything. By default 'tune', or 'head' with --keep-classes.
        keep_classes: find the classes of the base as well.
        val: pictures with boxes to choose the best step by; never learnt from.
        steps: optimiser steps, in place of the recipe's own.
        seed: of everything random.
        set: FIELD=VALUE of the recipe to change, such as train.lr=0.0005; repeat it.
        overwrite: remove an earlier run in that folder.
        device: cpu, cuda or cuda:1; by default a GPU if there is one.
        json: file to write the results to.
    """
    from handful import api
    from handful.cli.fields import read_changes
    from handful.cli.terminal import terminal_reporter
    from handful.files import require_writable, write_json

    require_writable(json)
    changes = read_changes(set)
    if steps is not None:
        changes["train.steps"] = str(steps)
    learned = api.learn(
        support,
        out=out,
        model=model,
        base=base,
        route=route,
        keep_classes=keep_classes,
        val=val,
        seed=seed,
        changes=changes,
        overwrite=overwrite,
        device=device,
        reporter=terminal_reporter(),
    )
    if json is not None:
        write_json(json, learned.to_json())
    _show(learned)


def _show(learned: Learned) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True, highlight=False)
    table = Table("class", "boxes")
    for name, count in learned.boxes.items():
        table.add_row(name, str(count))
    console.print(table)
    for name, value in learned.results.items():
        console.print(f"{name} {100 * value:.1f}")
    console.print(f"Next: handful detect PICTURE --model {learned.folder}", markup=False)
