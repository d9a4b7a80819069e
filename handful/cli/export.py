"""The commands ``handful export`` and ``handful export-run preprocess | infer | postprocess``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from handful.errors import ConfigError, ExportError


def export(
    model: Path,
    /,
    *,
    to: Literal["onnx"] = "onnx",
    out: Path | None = None,
    nms: Literal["yes", "no"] = "yes",
    domain: str | None = None,
    pictures: Path | None = None,
    json: Path | None = None,
) -> None:
    """Write a trained detector as one graph that runs without handful, and compare the two.

    Args:
        model: the folder of a training, or a weight file.
        to: the format.
        out: the file to write; by default model.onnx in that folder, or beside that file.
        nms: yes, to drop doubles inside the graph; no, to give all boxes and scores, no masks.
        domain: whose memory the graph holds, for a model that knows several; the target's
            by default.
        pictures: a picture or a folder to compare them on; drawn shelves by default.
        json: file to write the comparison to.
    """
    from rich.console import Console

    from handful import api
    from handful.cli.terminal import terminal_reporter
    from handful.files import require_writable, write_json

    require_writable(json)
    target = out or (model / "model.onnx" if model.is_dir() else model.with_suffix(".onnx"))
    exported = api.export(
        model,
        out=target,
        to=to,
        nms=nms == "yes",
        domain=domain,
        pictures=pictures,
        reporter=terminal_reporter(),
    )
    if json is not None:
        write_json(json, exported.to_json())
    parity, what = exported.parity, "detections" if nms == "yes" else "boxes"
    masks = "" if parity.mask_error is None else f", masks within {parity.mask_error:.1e}"
    console = Console(soft_wrap=True, highlight=False)
    console.print(str(exported.file), markup=False)
    console.print(
        f"{'same' if parity.holds else 'NOT the same'} {what} as the model: "
        f"{parity.detections} compared on {parity.pictures} pictures, {parity.unpaired} unpaired, "
        f"boxes within {parity.box_error:.4f} pixels, scores within {parity.score_error:.1e}{masks}"
    )
    if not parity.holds:
        raise ExportError(
            "the file does not find what the model finds",
            file=exported.file,
            remedy="Do not use it; compare on other '--pictures', and report it if it stays",
        )


def preprocess(
    data: Path,
    /,
    *,
    model: Path,
    out: Path = Path("out/inputs"),
    width: int | None = None,
    height: int | None = None,
    images: Path | None = None,
) -> None:
    """Write pictures as the arrays that an exported graph takes; run again to go on.

    Args:
        data: COCO JSON (or another format).
        model: the exported graph, or the detector it was made from.
        out: folder for the arrays and meta.json.
        width: fit all pictures, shape kept, onto a canvas of this width; needs --height.
        height: the height of that canvas.
        images: where else pictures are looked for.
    """
    from rich.console import Console

    from handful import api
    from handful.cli.terminal import terminal_reporter

    if (width is None) != (height is None):
        raise ConfigError(
            "a canvas needs both sides",
            field="height" if height is None else "width",
            got="none",
            remedy="Give --width and --height, or neither",
        )
    manifest = api.export_run_preprocess(
        data,
        model=model,
        out=out,
        canvas=None if width is None or height is None else (height, width),
        images=images,
        reporter=terminal_reporter(),
    )
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{len(manifest.pictures)} pictures in {out}", markup=False)


def infer(
    model: Path,
    inputs: Path,
    /,
    *,
    out: Path = Path("out/outputs"),
    device: Literal["cpu", "cuda"] = "cpu",
    batch: int = 1,
    threads: int | None = None,
) -> None:
    """Run an exported graph on prepared pictures, and measure its time; run again to go on.

    Args:
        model: the exported graph.
        inputs: the folder that 'export-run preprocess' wrote.
        out: folder for the raw outputs and timing.json.
        device: what to run on; cuda needs onnxruntime-gpu.
        batch: pictures shown at once.
        threads: processor threads; all by default.
    """
    from rich.console import Console

    from handful import api
    from handful.cli.terminal import terminal_reporter

    timing = api.export_run_infer(
        model,
        inputs=inputs,
        out=out,
        device=device,
        batch=batch,
        threads=threads,
        reporter=terminal_reporter(),
    )
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{timing.pictures} pictures in {out}", markup=False)
    console.print(
        f"seconds a picture: mean {timing.mean:.4f}, median {timing.median:.4f}, "
        f"95 % below {timing.p95:.4f} ({timing.providers[0]}, batch {timing.batch})"
    )


def postprocess(
    raw: Path,
    /,
    *,
    query: Path,
    out: Path = Path("out/result"),
    model: Path | None = None,
    protocol: Literal["coco", "voc07", "voc12"] = "coco",
    base_classes: tuple[str, ...] = (),
    novel_classes: tuple[str, ...] = (),
    images: Path | None = None,
    html: bool = False,
) -> None:
    """Turn raw outputs into detections on the original pictures, and measure them.

    Args:
        raw: the folder that 'export-run infer' wrote.
        query: the data set that was prepared, with its boxes.
        out: folder for detections.json, metrics.json and log.txt.
        model: the detector the graph was made from, to calibrate the scores with its prototypes.
        protocol: COCO's metrics, or VOC's average precision of 2007 or of later years.
        base_classes: show figures of these as well: names, a file with a name a line, or
            voc1, voc2, voc3, coco for the published division.
        novel_classes: the same for the other side; what is not given is the rest.
        images: where else pictures are looked for.
        html: Also write index.html, with curves and pictures of the worst mistakes.
    """
    import sys

    from handful import api
    from handful.cli.terminal import terminal_reporter

    measured = api.export_run_postprocess(
        raw,
        query=query,
        out=out,
        model=model,
        protocol=protocol,
        base_classes=base_classes,
        novel_classes=novel_classes,
        images=images,
        page=html,
        reporter=terminal_reporter(),
    )
    sys.stdout.write(api.accuracy_log(measured))
