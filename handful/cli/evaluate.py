"""The command ``handful evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from handful.predict.settings import SearchOptions

if TYPE_CHECKING:
    from handful.api import Evaluation

SHOWN = {
    "coco": ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100"),
    "os2d": ("map", "map_weighted", "recall", "ap_joint", "ap_pooled"),
}


def evaluate(
    *,
    support: Path,
    query: Path,
    model: str = "os2d-lite",
    protocol: Literal["coco", "os2d"] = "coco",
    images: Path | None = None,
    keep_per_class: int = 100,
    device: str | None = None,
    json: Path | None = None,
    detections: Path | None = None,
    options: Annotated[SearchOptions, tyro.conf.arg(name="")] = SearchOptions(),  # noqa: B008
) -> None:
    """Measure a model: examples from one data set, pictures to search from another.

    Args:
        support: COCO JSON (or another format) whose boxes are the examples.
        query: the pictures to search, with the boxes to be found; classes are matched by name.
        model: a model that comes with handful, or a weight file.
        protocol: COCO's metrics, or mean average precision as OS2D measures it.
        images: where else pictures are looked for.
        keep_per_class: strongest detections kept for each class and picture; 0 keeps all,
            as OS2D does.
        device: cpu, cuda or cuda:1; by default a GPU if there is one.
        json: file to write the metrics to.
        detections: file to write the detections to, as a COCO results list.
        options: how to search.
    """
    from handful import api
    from handful.cli.terminal import terminal_reporter

    measured = api.evaluate(
        model,
        support=support,
        query=query,
        protocol=protocol,
        images=images,
        device=device,
        options=options,
        keep_per_class=keep_per_class or None,
        metrics_json=json,
        detections_json=detections,
        reporter=terminal_reporter(),
    )
    _show(measured)


def _show(measured: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    classes = Table("class", "AP50")
    for name, figures in measured.metrics["per_class"].items():
        if figures["AP50"] is not None:
            classes.add_row(name, _figure(figures["AP50"]))
    console.print(classes)
    metrics = Table("metric", "value")
    for name in SHOWN[measured.protocol]:
        metrics.add_row(name, _figure(measured.metrics[name]))
    console.print(metrics)
    console.print(
        f"{measured.pictures} pictures, {measured.classes} classes, {measured.seconds:.1f} s"
    )


def _figure(value: Any) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
