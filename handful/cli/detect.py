"""The command ``handful detect``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from handful.predict.settings import SearchOptions

if TYPE_CHECKING:
    from handful.api import Found

ROWS = 40
"""At most so many lines of a table are printed; files hold everything."""


def detect(
    place: Path,
    /,
    *,
    like: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    box: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    model: str = "os2d-lite",
    domain: str | None = None,
    device: str | None = None,
    json: Path | None = None,
    picture: Path | None = None,
    options: Annotated[SearchOptions, tyro.conf.arg(name="")] = SearchOptions(),  # noqa: B008
) -> None:
    """Find every instance of what the examples show, or of what a trained model knows.

    Args:
        place: a picture, or a folder of pictures.
        like: an example, [NAME=]CROP.jpg; repeat it for more examples or classes.
        box: x1,y1,x2,y2 of the example in its picture, one for each --like ('whole' for all).
        model: a model that comes with handful, a weight file, or the folder of a run.
        domain: source or target: where the pictures come from, for an adapted model; by default
            the target.
        device: cpu, cuda or cuda:1; by default a GPU if there is one.
        json: file to write the answers to.
        picture: file for the picture with boxes drawn, or folder for those of a folder.
        options: how to search.
    """
    from handful import api
    from handful.cli.examples import read_examples
    from handful.cli.terminal import terminal_reporter

    examples = read_examples(like, box)
    found = api.detect(
        place,
        like=examples,
        model=model,
        domain=domain,
        device=device,
        options=options,
        json=json,
        picture=picture,
        reporter=terminal_reporter(),
    )
    _show(found)


def _show(found: Sequence[Found]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("picture", "class", "score", "box (x1, y1, x2, y2)")
    rows = [
        (str(one.file), name, f"{score:.3f}", ", ".join(f"{side:.0f}" for side in box))
        for one in found
        for name, score, box in zip(
            one.detections.names(),
            one.detections.scores.tolist(),
            one.detections.boxes.tolist(),
            strict=True,
        )
    ]
    for row in rows[:ROWS]:
        table.add_row(*row)
    console = Console(highlight=False)
    if rows:
        console.print(table)
    pictures = "1 picture" if len(found) == 1 else f"{len(found)} pictures"
    more = f" ({len(rows) - ROWS} not shown)" if len(rows) > ROWS else ""
    console.print(f"{len(rows)} found on {pictures}{more}" if rows else f"nothing on {pictures}")
    if not rows:
        console.print("A lower --score or other --scales may find more.")
