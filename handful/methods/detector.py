"""What every detector that knows its classes is to those who use it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, ClassVar, Protocol

from torch import Tensor, nn

from handful.data.transforms import InputRule, TestSize
from handful.errors import ConfigError, NotSupported, WeightsError, suggest
from handful.memory.calibration import Blend
from handful.nn.entries import require_same_entries
from handful.nn.found import Candidates, Found
from handful.nn.originals import WayBack, on_originals
from handful.recipes.tree import from_dict, to_dict
from handful.structures import Detections, Targets

CLASSES = "class_names"
"""The field of a config that a weight card keeps apart."""


class DetectorConfig(Protocol):
    """The settings of one detector: a frozen dataclass, complete and printable."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes it knows; position = label."""
        ...

    @property
    def blend(self) -> Blend:
        """How prototypes calibrate its scores."""
        ...


class TrainableDetector(nn.Module, ABC):
    """A network that learns from boxes and finds its classes.

    method: the name on its weight cards. config_type: what ``config`` is, the only argument it
    must be built with.
    """

    method: ClassVar[str]
    config_type: ClassVar[type]
    config: Any

    @abstractmethod
    def forward(self, images: Tensor, sizes: Tensor) -> Any:
        """Return raw tensors for ``images`` ``[B, 3, H, W]`` of ``sizes`` ``[B, 2]`` unpadded."""

    @abstractmethod
    def loss(self, outputs: Any, targets: Sequence[Targets]) -> Mapping[str, Tensor]:
        """Return the named losses; ``total`` is minimised."""

    @abstractmethod
    def detect(self, outputs: Any, sizes: Tensor) -> Found:
        """Return detections in prepared pictures as padded tensors: what an export holds."""

    @abstractmethod
    def way_back(self) -> WayBack:
        """Return how boxes return from the prepared to the original picture."""

    @abstractmethod
    def test_resize(self) -> TestSize:
        """Return how large a test picture is shown."""

    @abstractmethod
    def input_rule(self) -> InputRule:
        """Return what the network expects of pixel values, and of whole cells."""

    @property
    def finds_masks(self) -> bool:
        """Whether every detection comes with a mask."""
        return False

    def candidates(self, outputs: Any) -> Candidates:
        """Return all boxes with the scores of all classes, before any is suppressed.

        Raises ``NotSupported`` for a detector whose classes do not share boxes.
        """
        raise NotSupported(
            "this detector has no boxes that all classes share",
            got=type(self).__name__,
            remedy="Keep the suppression of doubles",
        )

    def for_export(self, *, domain: str | None = None) -> TrainableDetector:
        """Return the network that a graph holds, which may be fixed to less than this one.

        domain: the one whose pictures the graph is for, None for the default. Raises
        ``ConfigError`` for one that is not known.
        """
        if domain is not None:
            raise ConfigError(
                "this detector knows no domains", field="domain", got=domain, expected="none"
            )
        return self

    def predict(
        self, outputs: Any, sizes: Tensor, *, originals: Sequence[tuple[int, int]]
    ) -> list[Detections]:
        """Return the detections of each picture in pixels of its original (height, width)."""
        return on_originals(
            self.detect(outputs, sizes),
            sizes,
            originals,
            class_names=self.config.class_names,
            way=self.way_back(),
        )


DETECTORS: Mapping[str, tuple[str, str]] = {
    "defrcn": ("handful.methods.defrcn.model", "DeFRCN"),
    "mpsr": ("handful.methods.mpsr.model", "MPSR"),
    "ms2a": ("handful.methods.ms2a.model", "MS2A"),
    "o2f": ("handful.methods.o2f.model", "O2F"),
    "yolox": ("handful.methods.yolox.model", "YOLOX"),
}
"""By method: the module and the name of its detector, imported when it is asked for."""


def detector_type(method: str) -> type[TrainableDetector]:
    """Return the detector of ``method``; raises ``ConfigError`` for one that is not known."""
    if method not in DETECTORS:
        raise ConfigError(
            "no such method", field="method", got=method, remedy=suggest(method, DETECTORS)
        )
    module, name = DETECTORS[method]
    return getattr(import_module(module), name)


def card_config(network: TrainableDetector) -> dict[str, Any]:
    """Return the settings of ``network`` as a weight card keeps them: without its classes."""
    fields = to_dict(network.config)
    del fields[CLASSES]
    return fields


def build_detector(
    method: str,
    fields: Mapping[str, Any],
    class_names: Sequence[str],
    state: Mapping[str, Tensor],
) -> TrainableDetector:
    """Return the detector that a card describes, with the weights of ``state``.

    Raises ``WeightsError`` if they do not fit each other.
    """
    kind: Any = detector_type(method)
    try:
        config = replace(from_dict(kind.config_type, dict(fields)), **{CLASSES: tuple(class_names)})
        network = kind(config)
    except ConfigError as error:
        raise WeightsError(
            "the card in the weight file describes no network",
            field=error.field or "config",
            got=error.got,
            expected=error.expected,
        ) from error
    require_same_entries(dict(state), network.state_dict(), network="detector as in its card")
    network.load_state_dict(dict(state))
    return network
