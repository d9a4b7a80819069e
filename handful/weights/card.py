"""What a weight file says about itself."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from handful.errors import WeightsError


def _version() -> str:
    try:
        return metadata.version("handful")
    except metadata.PackageNotFoundError:
        return "unknown"


BACKBONE = "backbone"


@dataclass(frozen=True)
class Card:
    """The description inside a weight file.

    method: the folder of ``handful.methods`` that reads it, or ``BACKBONE`` for an ImageNet
    network, by torchvision's names, that methods start from or embed with. config: the fields
    of that method's configuration, lists for tuples. class_names: empty where classes are
    shown later. licence, source: of the numbers. sha256: of names, types, shapes and values of
    all tensors; filled in when the file is written. created_with: version of handful then.
    """

    method: str
    config: Mapping[str, Any] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    licence: str = ""
    source: str = ""
    sha256: str = ""
    created_with: str = field(default_factory=_version)

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", _listed(self.config))
        object.__setattr__(self, "class_names", tuple(self.class_names))

    def to_text(self) -> str:
        """Return the card as JSON; infinite numbers become the texts "inf" and "-inf"."""
        return json.dumps(
            _plain(_listed(asdict(self))), indent=1, ensure_ascii=False, allow_nan=False
        )

    @classmethod
    def from_text(cls, text: str, *, file: Path | str | None = None) -> Card:
        """Read a card; raises ``WeightsError`` if it is not one."""
        try:
            values = _restored(json.loads(text))
            values["class_names"] = tuple(values["class_names"])
            card = cls(**values)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise WeightsError(
                "the card in the weight file cannot be read",
                file=file,
                got=str(error),
                remedy="Was the file written by a newer version of handful?",
            ) from error
        texts = (card.method, card.licence, card.source, card.sha256, card.created_with)
        if not isinstance(card.config, dict) or not all(isinstance(text, str) for text in texts):
            raise WeightsError("a field of the card in the weight file has a wrong type", file=file)
        return card


def _listed(value: Any) -> Any:
    """Return ``value`` with lists for tuples, as JSON will give it back."""
    if isinstance(value, Mapping):
        return {str(key): _listed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_listed(item) for item in value]
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _restored(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _restored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_restored(item) for item in value]
    return float(value) if value in ("inf", "-inf", "nan") else value
