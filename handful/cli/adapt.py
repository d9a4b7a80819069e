"""The command ``handful adapt``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

if TYPE_CHECKING:
    from handful.api import Adapted


def adapt(
    *,
    source: Path,
    target_images: Path,
    target_few: Path,
    base: Path | None = None,
    base_run: Path | None = None,
    out: Path = Path("out/adapt"),
    val: Path | None = None,
    method: Literal["ms2a", "fine-tune"] = "ms2a",
    until: Literal["base", "memory", "source", "target", "fine-tune"] | None = None,
    pictures: int | None = None,
    seed: int = 0,
    set: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    overwrite: bool = False,
    device: str | None = None,
    json: Path | None = None,
) -> None:
    """Move a detector to pictures of another kind, by a few labelled ones and many that are not.

    Any field of the recipe can be changed: --target.train.steps 60. A stopped run goes on where
    it was, and what is finished is not run again.

    Args:
        source: COCO JSON (or another format) of the labelled pictures that there are many of.
        target_images: folder of unlabelled pictures of the other kind, or a data set whose boxes
            are not used.
        target_few: COCO JSON (or another format) of the few labelled ones.
        base: YOLOX weights to start from, of any size and classes.
        base_run: an earlier run to take the step base from, in place of --base.
        out: folder for the run, with one folder a step.
        val: labelled target pictures to measure each step on; nothing is chosen by them.
        method: ms2a, or for comparison fine-tune, which shows a plain detector the few pictures.
        until: the last step; base gives a detector that has seen the source only.
        pictures: draw so many of the few labelled pictures.
        seed: of everything random.
        set: FIELD=VALUE of the recipe to change; --FIELD VALUE is short for it; repeat it.
        overwrite: remove an earlier run in that folder.
        device: cpu, cuda or cuda:1; by default a GPU if there is one.
        json: file to write the results to.
    """
    from handful import api
    from handful.cli.fields import read_changes
    from handful.cli.terminal import terminal_reporter
    from handful.files import require_writable, write_json

    require_writable(json)
    adapted = api.adapt(
        source,
        target_images=target_images,
        target_few=target_few,
        base=base,
        base_run=base_run,
        out=out,
        val=val,
        method=method,
        until=until,
        pictures=pictures,
        seed=seed,
        changes=read_changes(set),
        overwrite=overwrite,
        device=device,
        reporter=terminal_reporter(),
    )
    if json is not None:
        write_json(json, adapted.to_json())
    _show(adapted)


def _show(adapted: Adapted) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(soft_wrap=True, highlight=False)
    if adapted.results:
        names = list(dict.fromkeys(name for one in adapted.results.values() for name in one))
        shown = [name for name in ("AP", "AP50", "AP75") if name in names]
        table = Table("after step", *shown)
        for step, figures in adapted.results.items():
            cells = [f"{100 * figures[name]:.1f}" if name in figures else "–" for name in shown]
            table.add_row(step, *cells)
        console.print(table)
    console.print(f"classes: {', '.join(adapted.class_names)}", markup=False)
    console.print(f"Next: handful detect PICTURE --model {adapted.folder}", markup=False)
