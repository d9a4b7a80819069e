"""``handful data``: look into data sets and convert them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from handful.data.describe import DatasetFacts

SHOWN_CLASSES = 40
SHOWN_MISSING = 5


def info(
    path: Path,
    /,
    *,
    format: str | None = None,
    images: Path | None = None,
    json: bool = False,
) -> None:
    """Show what a data set holds: pictures, boxes, classes, sizes, missing files.

    Args:
        path: COCO JSON, VOC folder, YOLO folder or data.yaml, folder of crops, OS2D folder or
            CSV file; for a published set the folder that holds it.
        format: The format, where the content does not tell; or a published set, say dairy.
        images: Where else to look for pictures.
        json: Print one JSON object instead of tables.
    """
    from handful import api

    facts = api.data_info(path, format=format, images=images)
    if json:
        _print_json(facts.to_json())
    else:
        _print_facts(facts)


def convert(
    source: Path,
    destination: Path,
    /,
    *,
    to: str | None = None,
    format: str | None = None,
    images: Path | None = None,
    json: bool = False,
) -> None:
    """Write a data set in another format; nothing is written if anything is wrong.

    Args:
        source: The data set to read.
        destination: The JSON file (COCO) or new folder (all others) to write.
        to: The format to write: coco, voc, yolo, os2d-csv or crops. Not needed for a
            destination that ends in .json.
        format: The source's format, where its content does not tell; or a published set.
        images: Where else to look for the source's pictures.
        json: Print one JSON object instead of sentences.
    """
    from rich.console import Console

    from handful import api
    from handful.cli.terminal import terminal_reporter

    done = api.data_convert(
        source, destination, format=format, to=to, images=images, reporter=terminal_reporter()
    )
    if json:
        _print_json(done.to_json())
        return
    console = Console()
    console.print(
        f"{done.pictures} pictures, {done.boxes} boxes, {done.classes} classes: "
        f"{done.source_format} → {done.destination_format}",
        highlight=False,
    )
    console.print(f"written to {done.destination}", soft_wrap=True, highlight=False, markup=False)
    for fact in done.lost:
        console.print(f"note: {done.destination_format} has no place for {fact}", highlight=False)


def _print_json(value: object) -> None:
    import json
    import sys

    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _print_facts(facts: DatasetFacts) -> None:
    from rich.console import Console

    console = Console()
    console.print(_summary(facts))
    console.print(_sizes(facts))
    console.print(_classes(facts))
    hidden = len(facts.classes) - SHOWN_CLASSES
    if hidden > 0:
        console.print(f"… and {hidden} more classes; --json lists all", highlight=False)
    if facts.missing:
        shown = ", ".join(facts.missing[:SHOWN_MISSING])
        more = " …" if len(facts.missing) > SHOWN_MISSING else ""
        console.print(
            f"{len(facts.missing)} pictures are not there: {shown}{more}",
            style="yellow",
            markup=False,
            highlight=False,
        )


def _summary(facts: DatasetFacts) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(f"{facts.path} ({facts.format})"), show_header=False)
    table.add_column()
    table.add_column(justify="right")
    per_picture = facts.boxes / facts.pictures if facts.pictures else 0.0
    for name, value in (
        ("pictures", str(facts.pictures)),
        ("… without a box", str(facts.empty_pictures)),
        ("boxes", str(facts.boxes)),
        ("… a picture, mean / most", f"{per_picture:.1f} / {facts.most_boxes}"),
        ("… crowd", str(facts.crowd)),
        ("… difficult", str(facts.difficult)),
        ("… with a side under 32 px", f"{facts.small:.0%}"),
        ("… with outlines", "all" if facts.outlines else "no"),
        ("classes", str(len(facts.classes))),
        ("example pictures", str(facts.examples)),
        ("missing pictures", str(len(facts.missing))),
    ):
        table.add_row(name, value)
    return table


def _sizes(facts: DatasetFacts) -> Table:
    from rich.table import Table

    measures = (
        ("picture width", facts.picture_width),
        ("picture height", facts.picture_height),
        ("box width", facts.box_width),
        ("box height", facts.box_height),
        ("box side, root of the area", facts.box_side),
    )
    known = [(name, values) for name, values in measures if values]
    table = Table(title="sizes in pixels, percentiles")
    table.add_column("of")
    for percent in known[0][1] if known else ():
        table.add_column(f"{percent} %", justify="right")
    for name, values in known:
        table.add_row(name, *(f"{value:.0f}" for value in values.values()))
    return table


def _classes(facts: DatasetFacts) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title="classes, most boxes first")
    table.add_column("class")
    for column in ("id", "boxes", "pictures", "difficult", "crowd", "examples"):
        table.add_column(column, justify="right")
    by_count = sorted(facts.classes, key=lambda entry: -entry.boxes)
    for entry in by_count[:SHOWN_CLASSES]:
        numbers = (
            entry.id,
            entry.boxes,
            entry.pictures,
            entry.difficult,
            entry.crowd,
            entry.examples,
        )
        table.add_row(escape(entry.name), *map(str, numbers))
    return table
