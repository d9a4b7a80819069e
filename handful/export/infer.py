"""Second part of an exported run: from arrays to what the graph gives, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy
import torch
from numpy.typing import NDArray

from handful.errors import ConfigError, DataError
from handful.export.manifest import Manifest, PreparedPicture, open_folder, read_manifest
from handful.export.outputs import RawPicture, read_raw, write_raw
from handful.export.session import OnnxGraph
from handful.files import write_json
from handful.recipes.tree import to_dict
from handful.reporter import Reporter, SilentReporter
from handful.weights.store import file_sha256

TIMING = "timing.json"
SLOWEST_PART = 95


@dataclass(frozen=True)
class Timing:
    """Seconds a picture that the graph alone took, over ``pictures`` of them.

    batch: pictures shown at once. providers: what ran the graph, most preferred first.
    """

    pictures: int
    mean: float
    median: float
    p95: float
    batch: int
    providers: tuple[str, ...]


def infer(
    graph: OnnxGraph,
    inputs: Path,
    out: Path,
    *,
    batch: int = 1,
    reporter: Reporter | None = None,
) -> Timing:
    """Run ``graph`` on the folder ``inputs``; write a file a picture and the timing to ``out``.

    Pictures that have their file already are not run again. Raises ``DataError`` if the
    inputs were prepared for another model.
    """
    if batch < 1:
        raise ConfigError("a batch needs pictures", field="batch", got=batch, expected="1 or more")
    prepared = read_manifest(inputs, "inputs")
    _require_same_rule(graph, prepared, inputs)
    outputs = prepared.as_outputs(graph.card, graph=file_sha256(graph.path))
    open_folder(out, outputs)
    _run_all(graph, inputs, out, (prepared, outputs), batch, reporter or SilentReporter())
    seconds = [read_raw(out, one, outputs.card).seconds for one in outputs.pictures]
    timing = timing_of(seconds, batch=batch, providers=graph.providers)
    write_json(out / TIMING, to_dict(timing))
    return timing


def timing_of(seconds: Sequence[float], *, batch: int, providers: Sequence[str]) -> Timing:
    """Return the summary of ``seconds``, one entry a picture."""
    values = numpy.array(seconds or [0.0])
    return Timing(
        pictures=len(seconds),
        mean=float(values.mean()),
        median=float(numpy.median(values)),
        p95=float(numpy.percentile(values, SLOWEST_PART)),
        batch=batch,
        providers=tuple(providers),
    )


def _run_all(
    graph: OnnxGraph,
    inputs: Path,
    out: Path,
    manifests: tuple[Manifest, Manifest],
    batch: int,
    reporter: Reporter,
) -> None:
    pairs = list(zip(*(one.pictures for one in manifests), strict=True))
    waiting = [pair for pair in pairs if not (out / pair[1].file).is_file()]
    reporter.start("running the graph", len(pairs))
    reporter.advance("running the graph", len(pairs) - len(waiting))
    try:
        for first in range(0, len(waiting), batch):
            part = waiting[first : first + batch]
            images, sizes = _stacked(inputs, [one for one, _ in part], manifests[0])
            if first == 0:
                # The first run of a graph also sets up memory; nobody waits for that twice.
                graph.run(images, sizes)
            started = time.perf_counter()
            found = graph.run(images, sizes)
            seconds = (time.perf_counter() - started) / len(part)
            for row, (_, planned) in enumerate(part):
                raw = RawPicture(**found.of(row)._asdict(), seconds=seconds)
                write_raw(out / planned.file, raw)
            reporter.advance("running the graph", len(part), seconds=seconds)
    finally:
        reporter.finish("running the graph")


def _stacked(
    folder: Path, pictures: Sequence[PreparedPicture], manifest: Manifest
) -> tuple[NDArray[numpy.float32], NDArray[numpy.int64]]:
    """Return pictures ``[B, 3, H, W]``, padded as the graph wants it, and sizes ``[B, 2]``."""
    shown = [manifest.canvas or one.size for one in pictures]
    arrays = [_array(folder / one.file, size) for one, size in zip(pictures, shown, strict=True)]
    rule = manifest.card.pixels
    if manifest.canvas is not None:
        rule = replace(rule, canvas=None)
    size = rule.batch_size(torch.tensor(shown))
    images = rule.padding().expand(len(arrays), 3, *size).contiguous().numpy()
    for canvas, array in zip(images, arrays, strict=True):
        canvas[:, : array.shape[1], : array.shape[2]] = array
    return images, numpy.array([one.size for one in pictures], numpy.int64)


def _array(file: Path, size: tuple[int, int]) -> NDArray[Any]:
    try:
        array = numpy.load(file, allow_pickle=False, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            "a prepared picture cannot be read",
            file=file,
            got=str(error),
            remedy="Remove it and run 'handful export-run preprocess' again",
        ) from error
    if getattr(array, "dtype", None) != numpy.float32 or array.shape != (3, *size):
        raise DataError(
            "a prepared picture is not what the folder's description says",
            file=file,
            got=f"{array.dtype} {list(array.shape)}",
            expected=f"float32 {[3, *size]}",
            remedy="Remove it and run 'handful export-run preprocess' again",
        )
    return array


def _require_same_rule(graph: OnnxGraph, prepared: Manifest, folder: Path) -> None:
    wanted, made = graph.card.input_fields(), prepared.card.input_fields()
    for name, value in wanted.items():
        if made.get(name) != value:
            raise DataError(
                "the pictures were prepared for another model",
                file=folder,
                field=name,
                got=made.get(name, "nothing"),
                expected=value,
                remedy="Prepare them again with this model",
            )
