"""Writing a detector as ONNX."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import nn

from handful.errors import ExportError, HandfulError, NotSupported
from handful.export.card import CARD_KEY, GraphCard
from handful.export.graph import INPUT_NAMES, ExportedGraph, output_names
from handful.files import replacing, require_writable

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
INSTALL = "pip install 'handful[export]'"

EXAMPLE_PICTURES = 2
EXAMPLE_SIDES = (192, 320)
"""Of the pictures that are traced. All different, so that no two sizes are taken for one, and
large enough for several cells of stride 128: a side of one would be taken for one of any size."""

LOUD = ("onnxscript", "onnx_ir", "torch.onnx")
"""Loggers that remark on every translation."""


def export_onnx(model: nn.Module, path: Path | str, *, metadata: GraphCard) -> None:
    """Write ``model`` and its card as one ONNX file, all or nothing.

    The card says whether the graph suppresses doubles, and whether it gives masks. Number, height
    and width of pictures stay open. Raises ``NotSupported`` without the extra ``export``,
    ``ExportError`` for a model that cannot be written.
    """
    require_packages(*PACKAGES)
    require_writable(path)
    with _evaluating(model), _quietly(), torch.no_grad():
        try:
            program = _translated(model, metadata)
        except HandfulError:
            raise
        except Exception as error:  # the exporter's errors have no common base
            raise ExportError(
                "this model cannot be translated to ONNX",
                got=f"{type(model).__name__}: {_first_line(error)}",
                remedy="Update torch and onnxscript; report it if it stays",
            ) from error
        program.model.metadata_props[CARD_KEY] = metadata.to_text()
        with replacing(path) as temporary:
            program.save(temporary, external_data=False)


def require_packages(*names: str) -> None:
    """Raise ``NotSupported``, with what to install, unless all packages can be imported."""
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise NotSupported(
            "export needs packages that are not installed",
            got=f"no {', '.join(missing)}",
            remedy=f"Run {INSTALL}",
        )


def _translated(model: nn.Module, card: GraphCard) -> Any:
    # Here, because it brings timm.
    from handful.export.same_padding import same_padding_as_one_operator, translations

    height, width = EXAMPLE_SIDES
    device = next(model.parameters()).device
    images = torch.rand(EXAMPLE_PICTURES, 3, height, width, device=device)
    sizes = torch.tensor([[height, width]] * EXAMPLE_PICTURES, device=device)
    batch, open_side = torch.export.Dim("batch", min=1), torch.export.Dim.DYNAMIC
    with same_padding_as_one_operator(model):
        program = torch.export.export(
            ExportedGraph(model, card),
            (images, sizes),
            dynamic_shapes=({0: batch, 2: open_side, 3: open_side}, {0: batch}),
        )
    return torch.onnx.export(
        program,
        dynamo=True,
        verbose=False,
        input_names=INPUT_NAMES,
        output_names=output_names(card),
        custom_translation_table={torch.ops.aten.sort.stable: _stable_sort, **translations()},
    )


def _stable_sort(
    values: Any, stable: bool | None = None, dim: int = -1, descending: bool = False
) -> Any:
    """Translate ``sort(stable=True)``: of equal values, TopK too gives the first one first."""
    from onnxscript import opset18

    op: Any = opset18
    length = op.Gather(op.Shape(values), op.Constant(value_ints=[dim]), axis=0)
    return op.TopK(values, length, axis=dim, largest=int(descending), sorted=1)


@contextmanager
def _evaluating(model: nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


@contextmanager
def _quietly() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in LOUD]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
