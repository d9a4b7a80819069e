"""A detector as a file for other programs, and runs of such a file in three parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from handful.api.dataset_search import PIXEL_DIGITS, as_in_files
from handful.api.evaluation import Evaluation, Outputs, evaluate_detections
from handful.api.measuring import Protocol
from handful.api.models import load
from handful.data.dataset import Dataset
from handful.data.formats import read_dataset
from handful.data.images import read_image
from handful.data.synthetic import ShelfRecipe, draw_shelves
from handful.errors import ConfigError
from handful.evaluate.detector import Searched
from handful.export.card import GraphCard, exportable
from handful.export.finish import finish
from handful.export.infer import Timing, infer
from handful.export.manifest import Manifest, read_manifest
from handful.export.onnx import export_onnx
from handful.export.parity import Parity, parity, parity_batches
from handful.export.prepare import prepare
from handful.export.session import Device, OnnxGraph
from handful.files import require_writable, write_text
from handful.methods.detector import TrainableDetector
from handful.predict.folder import pictures_of
from handful.predict.trained import Calibration, TrainedDetector
from handful.recipes.tree import differences, to_dict
from handful.recipes.values import write_value
from handful.reporter import Reporter, SilentReporter

FORMATS = ("onnx",)
SUFFIX = ".onnx"
COMPARED = 3
"""Pictures on which the file is compared with the model."""

DETECTIONS, METRICS, PAGE, LOG = "detections.json", "metrics.json", "index.html", "log.txt"


@dataclass(frozen=True)
class Exported:
    """A written graph: what it says about itself, and how it compares with the model."""

    file: Path
    card: GraphCard
    parity: Parity

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for ``json.dumps``."""
        return {
            "file": str(self.file),
            "card": to_dict(self.card),
            "parity": self.parity.to_json(),
        }


def export(
    model: str | Path | TrainedDetector,
    *,
    out: Path | str,
    to: str = "onnx",
    nms: bool = True,
    domain: str | None = None,
    pictures: Path | str | None = None,
    reporter: Reporter | None = None,
) -> Exported:
    """Write a trained detector as one graph, then compare both on ``pictures``.

    nms: whether the graph drops doubles itself, or gives all boxes, without masks. domain: the one
    whose memory the graph holds, None for the model's default. pictures: a picture or a folder, of
    which three are taken; drawn shelves by default. They are shown alone and together, at two
    sizes.
    Raises ``ExportError`` for a model that cannot be written, ``NotSupported`` without the extra
    ``export`` or if the model cannot go without suppression.
    """
    reporter = reporter or SilentReporter()
    if to not in FORMATS:
        raise ConfigError(
            "no such format to export to", field="to", got=to, expected=" or ".join(FORMATS)
        )
    file = Path(out)
    require_writable(file)
    detector = load(model, device="cpu") if isinstance(model, (str, Path)) else model
    whole = exportable(detector.model)
    network = whole.for_export(domain=domain)
    calibrated = isinstance(detector, TrainedDetector) and detector.calibration is not None
    card = GraphCard.of(network)
    if card.masks and not nms:
        reporter.note("the graph gives all boxes, and no masks")
    card = replace(card, suppressed=nms, pcb=calibrated, masks=card.masks and nms)
    _note_changes(whole, network, reporter)
    shown = _pictures(pictures)
    reporter.note(f"writing {file}")
    export_onnx(network, file, metadata=card)
    reporter.note("comparing it with the model")
    return Exported(file, card, parity(network, file, parity_batches(card, shown)))


def export_run_preprocess(
    dataset: Path | str | Dataset,
    *,
    model: Path | str,
    out: Path | str,
    canvas: tuple[int, int] | None = None,
    images: Path | str | None = None,
    reporter: Reporter | None = None,
) -> Manifest:
    """Write the pictures of ``dataset`` as the graph ``model`` wants them, to the folder ``out``.

    model: an exported file, or a trained detector. canvas: (height, width) to fit every picture
    into; None for the sizes that the model was trained for. A run that was stopped goes on.
    """
    known = dataset if isinstance(dataset, Dataset) else _read(dataset, images)
    return prepare(known, _card(model), Path(out), canvas=canvas, reporter=reporter)


def export_run_infer(
    graph: Path | str,
    *,
    inputs: Path | str,
    out: Path | str,
    device: Device = "cpu",
    batch: int = 1,
    threads: int | None = None,
    reporter: Reporter | None = None,
) -> Timing:
    """Run an exported file on prepared pictures; raw outputs and timing go to ``out``.

    batch: pictures at once. threads: of the processor, None for all.
    """
    opened = OnnxGraph(graph, device=device, threads=threads)
    return infer(opened, Path(inputs), Path(out), batch=batch, reporter=reporter)


def export_run_postprocess(
    raw: Path | str,
    *,
    query: Path | str | Dataset,
    out: Path | str,
    model: Path | str | TrainedDetector | None = None,
    protocol: Protocol = "coco",
    base_classes: Sequence[str] = (),
    novel_classes: Sequence[str] = (),
    images: Path | str | None = None,
    page: bool = False,
    reporter: Reporter | None = None,
) -> Evaluation:
    """Measure raw outputs on ``query``; detections, figures and a log go to the folder ``out``.

    model: the trained detector whose prototypes calibrate the scores; None leaves them. page:
    write an HTML page as well. base_classes, novel_classes, protocol: as in ``evaluate``.
    """
    reporter = reporter or SilentReporter()
    folder = Path(out)
    require_writable(folder / DETECTIONS)
    asked = query if isinstance(query, Dataset) else _read(query, images)
    calibration = _calibration(Path(raw), model, reporter)
    found = finish(Path(raw), asked, calibration=calibration, reporter=reporter)
    results = _results(asked, found)
    measured = evaluate_detections(
        results,
        query=query,
        protocol=protocol,
        base_classes=base_classes,
        novel_classes=novel_classes,
        images=images,
        outputs=Outputs(
            metrics=folder / METRICS,
            detections=folder / DETECTIONS,
            page=folder / PAGE if page else None,
        ),
        reporter=reporter,
    )
    write_text(folder / LOG, accuracy_log(measured))
    return measured


def accuracy_log(measured: Evaluation) -> str:
    """Return the figures of all, base and novel classes, and of each class, as lines of text."""
    lines = [
        f"protocol {measured.protocol}, {measured.pictures} pictures, "
        f"{len(measured.results)} detections",
        "",
    ]
    lines += [f"{name:<8}{_percent(value)}" for name, value in measured.figures().items()]
    per_class = measured.metrics["per_class"]
    width = max((len(name) for name in per_class), default=0)
    columns = list(next(iter(per_class.values()), {}))
    lines += ["", " ".join([f"{'class':<{width}}", *(f"{column:>7}" for column in columns)])]
    lines += [
        " ".join([f"{name:<{width}}", *(f"{_percent(own[column]):>7}" for column in columns)])
        for name, own in per_class.items()
    ]
    return "\n".join(lines) + "\n"


def _note_changes(whole: TrainableDetector, network: TrainableDetector, reporter: Reporter) -> None:
    changes = differences(to_dict(whole.config), to_dict(network.config))
    for name, (before, now) in changes.items():
        reporter.note(f"in the graph {name} is {write_value(now)}, not {write_value(before)}")


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def _calibration(
    raw: Path, model: Path | str | TrainedDetector | None, reporter: Reporter
) -> Calibration | None:
    if model is None:
        if read_manifest(raw, "outputs").card.pcb:
            reporter.note("the model calibrates its scores, these are as the graph gave them")
        return None
    detector = load(model) if isinstance(model, (str, Path)) else model
    calibration = detector.calibration if isinstance(detector, TrainedDetector) else None
    if calibration is None:
        reporter.note("this model has no prototypes: scores stay as the graph gave them")
    return calibration


def _results(asked: Dataset, found: Searched) -> list[dict[str, Any]]:
    """Return what ``evaluate`` would have written for these detections."""
    written = replace(found, detections=[as_in_files(one) for one in found.detections])
    return [
        {**row, "bbox": [round(side, PIXEL_DIGITS) for side in row["bbox"]]}
        for row in written.results(asked)
    ]


def _read(dataset: Path | str, images: Path | str | None) -> Dataset:
    return read_dataset(Path(dataset), images=None if images is None else Path(images))


def _card(model: Path | str) -> GraphCard:
    if Path(model).suffix == SUFFIX:
        return OnnxGraph(model).card
    return GraphCard.of(load(model, device="cpu").model)


def _pictures(place: Path | str | None) -> list[Image.Image]:
    if place is None:
        shelves = draw_shelves(ShelfRecipe(scenes=COMPARED), polygons=False)
        return [picture.read() for picture in shelves.pictures]
    return [read_image(file) for file in pictures_of(place)[:COMPARED]]
