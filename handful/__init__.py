"""Detect new objects from a handful of examples."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handful.api import detect, learn, load
    from handful.data.dataset import Dataset
    from handful.errors import HandfulError
    from handful.predict.oneshot import OneShotDetector
    from handful.predict.settings import SearchOptions, SearchSettings
    from handful.structures import Detections, Exemplar

__all__ = [
    "Dataset",
    "Detections",
    "Exemplar",
    "HandfulError",
    "OneShotDetector",
    "SearchOptions",
    "SearchSettings",
    "detect",
    "learn",
    "load",
]

_HOMES = {
    "Dataset": "handful.data.dataset",
    "Detections": "handful.structures",
    "Exemplar": "handful.structures",
    "HandfulError": "handful.errors",
    "OneShotDetector": "handful.predict.oneshot",
    "SearchOptions": "handful.predict.settings",
    "SearchSettings": "handful.predict.settings",
    "detect": "handful.api",
    "learn": "handful.api",
    "load": "handful.api",
}
"""Where each public name lives; it is imported at first use, so that this package opens fast."""


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata

        try:
            return metadata.version("handful")
        except metadata.PackageNotFoundError:
            return "unknown"
    if name not in _HOMES:
        raise AttributeError(f"module 'handful' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
