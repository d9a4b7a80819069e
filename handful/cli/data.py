"""``handful data``: look into data sets and convert them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rich.table import Table

    from handful.data.describe import DatasetFacts
    from handful.data.fewshot import FewShotSets

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
        path: COCO JSON, VOC folder, YOLO folder or data.yaml, folder of LabelMe files or of
            crops, OS2D folder or CSV file; for a published set the folder that holds it.
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
        to: The format to write: coco, voc, yolo, labelme, os2d-csv or crops. Not needed for a
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


def fewshot(
    source: Path,
    /,
    *,
    out: Path,
    shots: tuple[int, ...] = (1, 2, 3, 5, 10),
    pictures: tuple[int, ...] = (),
    files: tuple[str, ...] = (),
    seeds: int = 1,
    novel: tuple[str, ...] = (),
    setting: Literal["fsod", "gfsod"] | None = None,
    format: str | None = None,
    images: Path | None = None,
    independent: bool = False,
    keep_others: bool = False,
    difficult: bool = False,
    allow_fewer: bool = False,
    overwrite: bool = False,
    json: bool = False,
) -> None:
    """Draw K boxes of each class, for every K and seed, with a list of exactly which they are.

    Each set lies in OUT/shotsK-seedS: support.json (COCO) and manifest.json. Other objects on
    its pictures are unlabelled, as in the published protocols. With --pictures or --files whole
    pictures are taken, with all their boxes, as for another domain.

    Args:
        source: The data set to draw from.
        out: The new folder to write.
        shots: The numbers K of boxes a class.
        pictures: Instead of boxes: numbers of annotated pictures; every class is on one if it
            can be. OUT/picturesN-seedS.
        files: Instead of a draw: the names of such pictures, as the data set has them.
        seeds: How many sets are drawn for each K: seeds 0, 1, ….
        novel: The novel classes, where classes are divided: their names, or voc1, voc2, voc3, coco.
        setting: With --novel: boxes of the novel classes only (fsod, the default), or of all.
        format: The source's format, where its content does not tell; or a published set.
        images: Where else to look for the source's pictures.
        independent: Draw each K anew; by default a smaller set is part of a larger one.
        keep_others: Label the other objects on the chosen pictures too.
        difficult: Draw from difficult boxes too.
        allow_fewer: Take all boxes of a class that has fewer than K.
        overwrite: Replace the sets that an earlier call wrote to OUT.
        json: Print one JSON object instead of a table.
    """
    from handful import api
    from handful.cli.terminal import terminal_reporter

    written = api.data_fewshot(
        source,
        out,
        shots=shots,
        pictures=pictures,
        files=files,
        seeds=seeds,
        novel=novel,
        setting=setting,
        format=format,
        images=images,
        nested=not independent,
        keep_others=keep_others,
        difficult=difficult,
        allow_fewer=allow_fewer,
        overwrite=overwrite,
        reporter=terminal_reporter(),
    )
    if json:
        _print_json(written.to_json())
    else:
        _print_fewshot(written)


def browse(
    path: Path,
    /,
    *,
    out: Path = Path("out/browse.html"),
    pictures: int = 24,
    classes: tuple[str, ...] = (),
    seed: int = 0,
    format: str | None = None,
    images: Path | None = None,
) -> None:
    """Write a page that shows a data set: class counts, box sizes, pictures with their boxes.

    Args:
        path: The data set, as for data info.
        out: The page, one file that needs no other.
        pictures: How many pictures are shown.
        classes: Only pictures that show one of these classes.
        seed: Which pictures are drawn.
        format: The format, where the content does not tell; or a published set, say dairy.
        images: Where else to look for pictures.
    """
    import sys

    from handful import api

    page = api.data_browse(
        path, out, pictures=pictures, classes=classes, seed=seed, format=format, images=images
    )
    sys.stdout.write(f"{page}\n")


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
    for note in facts.notes:
        console.print(f"note: {note}", highlight=False, markup=False)
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


def _print_fewshot(written: FewShotSets) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    what = "boxes of" if written.unit == "boxes" else "whole pictures,"
    table = Table(title=f"{what} {len(written.class_names)} classes")
    for column in ("K", "sets", "boxes a set", "pictures a set"):
        table.add_column(column, justify="right")
    for shots in sorted({entry.shots for entry in written.sets}):
        entries = [entry for entry in written.sets if entry.shots == shots]
        boxes, pictures = (
            _span([getattr(entry, name) for entry in entries]) for name in ("boxes", "pictures")
        )
        table.add_row(str(shots), str(len(entries)), boxes, pictures)
    console.print(table)
    fewer = {name: count for entry in written.sets for name, count in entry.fewer.items()}
    for name, count in fewer.items():
        text = (
            f"note: class '{name}' has only {count} boxes to draw from"
            if written.unit == "boxes"
            else f"note: class '{name}' is on no picture of at least one set"
        )
        console.print(text, highlight=False, markup=False)
    console.print(f"written to {written.out}", soft_wrap=True, highlight=False, markup=False)


def _span(values: list[int]) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}–{high}"


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
