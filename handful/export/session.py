"""An exported graph, opened to be run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy
from numpy.typing import NDArray

from handful.errors import ConfigError, ExportError, NotSupported
from handful.export.card import CARD_KEY, GraphCard
from handful.export.graph import INPUT_NAMES, output_names
from handful.export.onnx import require_packages

Device = Literal["cpu", "cuda"]
PROVIDERS: dict[Device, tuple[str, ...]] = {
    "cpu": ("CPUExecutionProvider",),
    "cuda": ("CUDAExecutionProvider", "CPUExecutionProvider"),
}


class Rows(NamedTuple):
    """Detections of one picture: boxes ``[N, 4]``, scores, labels ``[N]``, masks ``[N, h, w]``."""

    boxes: NDArray[Any]
    scores: NDArray[Any]
    labels: NDArray[Any]
    masks: NDArray[Any] | None = None


class RawFound(NamedTuple):
    """What a graph gives for B pictures; of each, the first ``counts`` rows are detections.

    boxes: ``[B, D, 4]`` in pixels of the prepared picture. scores, labels: ``[B, D]``. masks:
    ``[B, D, h, w]``, 0 to 1, of every fourth pixel of the padded picture; None of a graph of boxes.
    """

    boxes: NDArray[numpy.float32]
    scores: NDArray[numpy.float32]
    labels: NDArray[numpy.int64]
    counts: NDArray[numpy.int64]
    masks: NDArray[numpy.float32] | None = None

    def of(self, picture: int) -> Rows:
        """Return the detections of one picture, without the padding."""
        count = self.counts[picture]
        masks = None if self.masks is None else self.masks[picture, :count]
        boxes, scores, labels = (column[picture, :count] for column in self[:3])
        return Rows(boxes, scores, labels, masks)


class OnnxGraph:
    """A graph that ``export_onnx`` wrote, in onnxruntime.

    threads: processor threads, None for all. Raises ``ExportError`` for a file that is missing,
    damaged or was not written by handful, ``NotSupported`` for a device that is not there.
    """

    def __init__(
        self, path: Path | str, *, device: Device = "cpu", threads: int | None = None
    ) -> None:
        require_packages("onnxruntime")
        self.path = Path(path)
        self._session = _opened(self.path, _providers(device), threads)
        self.card = self._read_card()

    @property
    def providers(self) -> tuple[str, ...]:
        """What runs the graph, most preferred first."""
        return tuple(self._session.get_providers())

    def run(self, images: NDArray[numpy.float32], sizes: NDArray[numpy.int64]) -> RawFound:
        """Return what is found on ``images`` ``[B, 3, H, W]``; sizes: ``[B, 2]``, unpadded.

        Raises ``NotSupported`` for a graph that leaves the suppression of doubles to others.
        """
        if not self.card.suppressed:
            raise NotSupported(
                "the graph gives all boxes, not detections",
                file=self.path,
                remedy="Export the model again with '--nms yes'",
            )
        return RawFound(*self.outputs(images, sizes))

    def outputs(
        self, images: NDArray[numpy.float32], sizes: NDArray[numpy.int64]
    ) -> list[NDArray[Any]]:
        """Return the arrays that the graph gives, in the order of its card's outputs."""
        values = dict(zip(INPUT_NAMES, (images, sizes), strict=True))
        return self._session.run(list(output_names(self.card)), values)

    def _read_card(self) -> GraphCard:
        names = tuple(one.name for one in self._session.get_inputs())
        text = self._session.get_modelmeta().custom_metadata_map.get(CARD_KEY)
        if text is None or names != INPUT_NAMES:
            raise ExportError(
                "not a graph that handful exported",
                file=self.path,
                got=f"inputs {', '.join(names)}, {'no card' if text is None else 'with a card'}",
                expected=f"inputs {', '.join(INPUT_NAMES)} and a card in its metadata",
                remedy="Write one with 'handful export'",
            )
        return GraphCard.from_text(text, file=self.path)


def _opened(path: Path, providers: tuple[str, ...], threads: int | None) -> Any:
    import onnxruntime

    if not path.is_file():
        raise ExportError(
            "no exported graph",
            file=path,
            got="a folder" if path.is_dir() else "nothing there",
            remedy="Write one with 'handful export'",
        )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=list(providers))
    except Exception as error:  # onnxruntime's errors have no common base of their own
        raise ExportError(
            "the graph cannot be opened",
            file=path,
            got=str(error).splitlines()[0],
            remedy="Export the model again",
        ) from error


def _providers(device: Device) -> tuple[str, ...]:
    import onnxruntime

    if device not in PROVIDERS:
        raise ConfigError(
            "no such device to run a graph on",
            field="device",
            got=device,
            expected=" or ".join(PROVIDERS),
        )
    wanted = PROVIDERS[device]
    if wanted[0] not in onnxruntime.get_available_providers():
        raise NotSupported(
            "this onnxruntime cannot use that device",
            field="device",
            got=device,
            expected=", ".join(onnxruntime.get_available_providers()),
            remedy="Install onnxruntime-gpu in place of onnxruntime",
        )
    return wanted
