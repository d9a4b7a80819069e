"""The command ``handful evaluate``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from handful.errors import ConfigError
from handful.predict.settings import KEPT_PER_CLASS, SearchOptions

if TYPE_CHECKING:
    from handful.api import Evaluation

COCO_FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR100")
VOC_FIGURES = ("AP", "AP50", "AP75")
MASK_FIGURES = tuple(f"segm_{name}" for name in COCO_FIGURES)
"""Shown beside those of boxes where masks were compared too."""

SHOWN = {
    "coco": COCO_FIGURES,
    "os2d": ("map", "map_weighted", "recall", "ap_joint", "ap_pooled"),
    "voc07": VOC_FIGURES,
    "voc07-mmdet": VOC_FIGURES,
    "voc12": VOC_FIGURES,
    "crowdhuman": ("AP", "MR-2", "recall", "JI"),
}
CLASS_FIGURES = {"crowdhuman": "AP"}
"""What the table of classes shows, where it is not AP50."""

SIDES = {"": "all", "b": "base", "n": "novel"}
"""Prefix of a figure -> whose figure it is."""

LISTED = 8


def evaluate(
    *,
    query: Path,
    support: Path | None = None,
    model: str | None = None,
    detections: Path | None = None,
    protocol: Literal["coco", "os2d", "voc07", "voc07-mmdet", "voc12", "crowdhuman"] = "coco",
    base_classes: tuple[str, ...] = (),
    novel_classes: tuple[str, ...] = (),
    images: Path | None = None,
    domain: str | None = None,
    keep_per_class: int = KEPT_PER_CLASS,
    device: str | None = None,
    json: Path | None = None,
    html: Path | None = None,
    options: Annotated[SearchOptions, tyro.conf.arg(name="")] = SearchOptions(),  # noqa: B008
) -> None:
    """Measure a model on pictures with known boxes, or detections made before.

    With --support, a one-shot model searches for those examples; with --model alone, a trained
    model for its classes; with --detections alone, nothing is searched and that file is
    measured.

    Args:
        query: the pictures to search, with the boxes to be found; classes are matched by name.
        support: COCO JSON (or another format) whose boxes are the examples.
        model: a model that comes with handful, a weight file, or the folder of a training;
            os2d-lite where there is a support.
        detections: a COCO results list: written by a search, else read and measured.
        protocol: COCO's metrics; mean average precision as OS2D measures it; VOC's average
            precision of 2007 (11 points; mmdet: of a model whose boxes end on their last pixel,
            as MPSR's on VOC) or of later years (area); CrowdHuman's, where a lower miss rate
            (MR-2) is better.
        base_classes: show figures of these as well: names, a file with a name a line, or
            voc1, voc2, voc3, coco for the published division.
        novel_classes: the same for the other side; what is not given is the rest.
        images: where else pictures are looked for.
        domain: source or target: where the pictures come from, for an adapted model; by default
            the target.
        keep_per_class: strongest detections kept for each class and picture; 0 keeps all,
            as OS2D does.
        device: cpu, cuda or cuda:1; by default a GPU if there is one.
        json: file to write the metrics to.
        html: page to write, with tables, curves, and pictures of the worst mistakes.
        options: how to search; a trained model takes --score alone, and uses its own threshold
            without it.
    """
    from handful import api
    from handful.cli.terminal import terminal_reporter

    reporter = terminal_reporter()
    if support is None and model is None:
        if detections is None:
            raise ConfigError(
                "nothing to measure",
                remedy="Give --support for a one-shot model, --model for a trained one, or "
                "--detections for a results file",
            )
        kept = None if keep_per_class == KEPT_PER_CLASS else keep_per_class
        unused = {"domain": domain, "device": device, "keep_per_class": kept}
        _require_no_model({**unused, **options.given()})
        measured = api.evaluate_detections(
            detections,
            query=query,
            protocol=protocol,
            base_classes=base_classes,
            novel_classes=novel_classes,
            images=images,
            outputs=api.Outputs(metrics=json, page=html),
            reporter=reporter,
        )
    else:
        measured = api.evaluate(
            model or api.DEFAULT_MODEL,
            support=support,
            query=query,
            protocol=protocol,
            base_classes=base_classes,
            novel_classes=novel_classes,
            images=images,
            domain=domain,
            device=device,
            options=options,
            keep_per_class=keep_per_class or None,
            outputs=api.Outputs(metrics=json, detections=detections, page=html),
            reporter=reporter,
        )
    _show(measured)


def _require_no_model(given: Mapping[str, Any]) -> None:
    """Raise ``ConfigError`` for options that only say how a model is used."""
    for name, value in given.items():
        if value is not None:
            raise ConfigError(
                "no model runs where a file of detections is measured",
                field=name.replace("_", "-"),
                got=value,
                expected="none",
                remedy="Leave it out, or give --model",
            )


def _show(measured: Evaluation) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    shown = CLASS_FIGURES.get(measured.protocol, "AP50")
    classes = Table("class", shown)
    for name, figures in measured.metrics["per_class"].items():
        if figures[shown] is not None:
            classes.add_row(name, _figure(figures[shown]))
    console.print(classes)
    names = SHOWN[measured.protocol]
    names = (*names, *(name for name in MASK_FIGURES if name in measured.metrics))
    sides = [side for side in SIDES if any(side + name in measured.metrics for name in names)]
    metrics = Table("metric", *("value" if len(sides) == 1 else SIDES[side] for side in sides))
    for name in names:
        metrics.add_row(name, *(_figure(measured.metrics.get(side + name)) for side in sides))
    console.print(metrics)
    if measured.without_objects:
        more = ", …" if len(measured.without_objects) > LISTED else ""
        console.print(
            f"without objects that count, in no mean ({len(measured.without_objects)}): "
            + ", ".join(measured.without_objects[:LISTED])
            + more,
            markup=False,
        )
    console.print(
        f"{measured.pictures} pictures, {measured.classes} classes, {measured.seconds:.1f} s"
    )


def _figure(value: Any) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
