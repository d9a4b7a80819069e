"""The commands ``handful bench oneshot``, ``evaluate``, ``train`` and so on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def oneshot(
    *,
    models: tuple[str, ...] = ("os2d-lite", "os2d-v2-resnet50"),
    size: tuple[int, int] = (1280, 960),
    repeats: int = 5,
    classes: tuple[int, ...] = (1, 100, 1000),
    json: bool = False,
    out: Path | None = None,
) -> None:
    """Measure what a picture's features, one more class, and memory cost on this machine.

    Takes some minutes. Weights are random, which changes neither time nor memory.

    Args:
        models: os2d-lite, os2d-v2-resnet50.
        size: width and height of the picture.
        repeats: measure so often; the median counts.
        classes: numbers of classes of whole searches.
        json: Print one JSON object instead of tables.
        out: Also write oneshot.json and oneshot.md to this folder.
    """
    from handful import api
    from handful.bench.tables import SEARCHES, TIMES, facts, markdown, search_rows, time_rows
    from handful.cli.terminal import terminal_reporter

    files = _files(out, "oneshot")
    result = api.bench_oneshot(
        models,
        image_size=(size[1], size[0]),
        repeats=repeats,
        class_counts=classes,
        reporter=terminal_reporter(),
    )
    shown = [(TIMES, time_rows(result)), (SEARCHES, search_rows(result))]
    _report(result, files, page=markdown(result), tables=shown, facts=facts(result), json=json)


def evaluate(
    *,
    pictures: int = 2000,
    boxes: int = 60,
    classes: int = 80,
    repeats: int = 3,
    seed: int = 0,
    json: bool = False,
    out: Path | None = None,
) -> None:
    """Measure what COCO's metrics cost here, beside pycocotools on the same random boxes.

    Takes minutes, nearly all of them pycocotools'.

    Args:
        pictures: how many there are.
        boxes: known and as many found boxes on each picture.
        classes: how many classes they are of.
        repeats: measure so often; the median counts.
        seed: of the random boxes.
        json: Print one JSON object instead of a table.
        out: Also write evaluation.json and evaluation.md to this folder.
    """
    from handful import api
    from handful.bench.evaluation import (
        COLUMNS,
        EvaluationTask,
        evaluation_facts,
        evaluation_markdown,
        evaluation_rows,
    )
    from handful.cli.terminal import terminal_reporter

    files = _files(out, "evaluation")
    task = EvaluationTask(pictures, boxes, classes, repeats, seed)
    result = api.bench_evaluation(task, reporter=terminal_reporter())
    shown = [(COLUMNS, evaluation_rows(result))]
    _report(
        result,
        files,
        page=evaluation_markdown(result),
        tables=shown,
        facts=evaluation_facts(result),
        json=json,
    )


def training(
    *,
    models: tuple[str, ...] = (
        "r50-fpn",
        "r101-c4",
        "mpsr-r101",
        "mpsr-r101-large",
        "yolox-s",
        "o2f-r50",
    ),
    size: tuple[int, int] | None = None,
    pictures: int = 2,
    boxes: int = 5,
    steps: int = 10,
    seed: int = 0,
    json: bool = False,
    out: Path | None = None,
) -> None:
    """Measure what a training step costs here, beside torchvision's detectors.

    Takes up to an hour on a CPU; fewer models or steps take minutes. Weights are random, which
    hardly changes time and memory.

    Args:
        models: r50-fpn, r101-c4, mpsr-r101, mpsr-r101-large (beside the same network
            without crops), yolox-s, o2f-r50.
        size: width and height of all pictures; by default each model's own.
        pictures: in a step.
        boxes: on each picture.
        steps: measure so many; the median counts.
        seed: of pictures, boxes and weights.
        json: Print one JSON object instead of a table.
        out: Also write training.json and training.md to this folder.
    """
    from handful import api
    from handful.bench.training_step import TrainingTask
    from handful.bench.training_tables import (
        COLUMNS,
        narrow,
        training_facts,
        training_markdown,
        training_rows,
    )
    from handful.cli.terminal import terminal_reporter

    files = _files(out, "training")
    image_size = None if size is None else (size[1], size[0])
    task = TrainingTask(models, image_size, pictures, boxes, steps, seed)
    result = api.bench_train(task, reporter=terminal_reporter())
    shown = [(narrow(COLUMNS), [narrow(row) for row in training_rows(result)])]
    _report(
        result,
        files,
        page=training_markdown(result),
        tables=shown,
        facts=training_facts(result),
        json=json,
    )


def pictures(
    *,
    workers: tuple[int, ...] = (0, 1, 2),
    size: int = 640,
    pictures: int = 32,
    batch: int = 8,
    batches: int = 8,
    repeats: int = 3,
    seed: int = 0,
    json: bool = False,
    out: Path | None = None,
) -> None:
    """Measure how many mosaics a second are ready for a detector to learn from.

    Args:
        workers: numbers of processes that read, 0 for none but the measured one.
        size: side of the square pictures that come out.
        pictures: drawn ones on disk, which mosaics are made of.
        batch: pictures at once.
        batches: measured in a row.
        repeats: measure so often; the median counts.
        seed: of the drawn pictures and of chance.
        json: Print one JSON object instead of a table.
        out: Also write pictures.json and pictures.md to this folder.
    """
    from handful import api
    from handful.bench.pictures import (
        COLUMNS,
        PictureTask,
        picture_facts,
        picture_markdown,
        picture_rows,
    )
    from handful.cli.terminal import terminal_reporter

    files = _files(out, "pictures")
    task = PictureTask(workers, size, pictures, batch, batches, repeats, seed)
    result = api.bench_pictures(task, reporter=terminal_reporter())
    shown = [(COLUMNS, picture_rows(result))]
    facts = picture_facts(result)
    _report(result, files, page=picture_markdown(result), tables=shown, facts=facts, json=json)


def memory(
    *,
    pictures: tuple[int, ...] = (300, 3000),
    size: int = 416,
    clusters: int = 100,
    batch: int = 4096,
    iterations: int = 100,
    seed: int = 0,
    json: bool = False,
    out: Path | None = None,
) -> None:
    """Measure the peak memory of making a domain's memory, by the number of pictures.

    Takes minutes, and 0.9 MiB on disk a picture of 416 pixels while it does.

    Args:
        pictures: numbers of pictures.
        size: side of the square pictures.
        clusters: patterns a level.
        batch: rows clustered at once.
        iterations: of the clustering, at most.
        seed: of pictures, weights and draws.
        json: Print one JSON object instead of a table.
        out: Also write memory.json and memory.md to this folder.
    """
    from handful import api
    from handful.bench.clustering import (
        COLUMNS,
        ClusteringTask,
        clustering_facts,
        clustering_markdown,
        clustering_rows,
    )
    from handful.cli.terminal import terminal_reporter

    files = _files(out, "memory")
    task = ClusteringTask(pictures, size, clusters, batch, iterations, seed)
    result = api.bench_clustering(task, reporter=terminal_reporter())
    shown = [(COLUMNS, clustering_rows(result))]
    facts = clustering_facts(result)
    _report(result, files, page=clustering_markdown(result), tables=shown, facts=facts, json=json)


def assignment(
    *,
    objects: tuple[int, ...] = (1, 20, 200),
    size: tuple[int, int] = (1344, 800),
    classes: int = 80,
    repeats: int = 20,
    seed: int = 0,
    json: bool = False,
    out: Path | None = None,
) -> None:
    """Measure what giving points to objects costs in a step of O2F.

    Args:
        objects: numbers of objects on a picture.
        size: width and height of the padded picture.
        classes: that every point has a score for.
        repeats: measure so often; the median counts.
        seed: of boxes and scores.
        json: Print one JSON object instead of a table.
        out: Also write assignment.json and assignment.md to this folder.
    """
    from handful import api
    from handful.bench.assignment import (
        COLUMNS,
        AssignmentTask,
        assignment_facts,
        assignment_markdown,
        assignment_rows,
    )
    from handful.cli.terminal import terminal_reporter

    files = _files(out, "assignment")
    task = AssignmentTask(objects, (size[1], size[0]), classes, repeats, seed)
    result = api.bench_assignment(task, reporter=terminal_reporter())
    shown = [(COLUMNS, assignment_rows(result))]
    facts, page = assignment_facts(result), assignment_markdown(result)
    _report(result, files, page=page, tables=shown, facts=facts, json=json)


def _files(out: Path | None, name: str) -> tuple[Path, Path] | None:
    """Return the JSON file and the page in ``out``; raises if they cannot be written."""
    from handful.files import require_writable

    if out is None:
        return None
    files = (out / f"{name}.json", out / f"{name}.md")
    require_writable(*files)
    return files


def _report(
    result: Mapping[str, Any],
    files: tuple[Path, Path] | None,
    *,
    page: str,
    tables: Sequence[tuple[Sequence[str], Sequence[Sequence[str]]]],
    facts: str,
    json: bool,
) -> None:
    """Write ``result`` and its page, then print it as JSON or as tables (heads and rows)."""
    import json as notation
    import sys

    from rich.console import Console
    from rich.table import Table

    from handful.files import write_json, write_text

    if files:
        write_json(files[0], result)
        write_text(files[1], page)
    if json:
        sys.stdout.write(notation.dumps(result, indent=1, ensure_ascii=False) + "\n")
        return
    console = Console(highlight=False)
    for heads, rows in tables:
        table = Table()
        table.add_column(heads[0], no_wrap=True)
        for head in heads[1:]:
            table.add_column(head, justify="right", overflow="fold")
        for row in rows:
            table.add_row(*row)
        if rows:
            console.print(table)
    console.print(facts, markup=False)
