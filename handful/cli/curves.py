"""The command ``handful curves``."""

from __future__ import annotations

from pathlib import Path

import tyro


def curves(
    runs: tyro.conf.Positional[tuple[Path, ...]],
    /,
    *,
    out: Path = Path("out/runs.html"),
    show: tuple[str, ...] = (),
) -> None:
    """Draw losses and figures of several runs in one picture, with their best and last figures.

    Args:
        runs: folders of runs, or their log.jsonl.
        out: the page to write; a name that ends in .svg gets the plot of one value.
        show: names of losses and figures, such as total or nAP50; by default all.
    """
    import sys

    from handful import api

    sys.stdout.write(f"{api.compare(runs, out=out, show=show)}\n")
