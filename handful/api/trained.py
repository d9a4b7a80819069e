"""Trained detectors on disk: a weight file, or the folder of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from handful.errors import ConfigError, WeightsError
from handful.memory import ClassMemory
from handful.methods.defrcn.config import DeFRCNConfig
from handful.methods.defrcn.embedders import LiteEmbedder
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.pcb import PrototypeCalibration
from handful.nn.entries import require_same_entries
from handful.predict.trained import TrainedDetector
from handful.recipes.tree import from_dict, to_dict
from handful.train.run import BEST, LAST, PROTOTYPES
from handful.weights import Card, load_weights, save_weights

METHOD = "defrcn"


def save_detector(
    model: DeFRCN, path: Path, *, source: str, dtype: torch.dtype | None = None
) -> None:
    """Write all of ``model`` with its card."""
    config = to_dict(model.config)
    names = config.pop("class_names")
    card = Card(METHOD, config, tuple(names), licence="Apache-2.0", source=source)
    save_weights(path, model.state_dict(), card, dtype=dtype)


def build_detector(state: Mapping[str, Tensor], card: Card, *, file: Path | str) -> DeFRCN:
    """Return the network that ``card`` describes, with the weights of ``state``.

    Raises ``WeightsError`` if the two do not fit.
    """
    try:
        config = replace(
            from_dict(DeFRCNConfig, dict(card.config)), class_names=tuple(card.class_names)
        )
        network = DeFRCN(config)
    except ConfigError as error:
        raise WeightsError(
            "the card in the weight file describes no network",
            file=file,
            field=error.field or "config",
            got=error.got,
            expected=error.expected,
        ) from error
    try:
        require_same_entries(dict(state), network.state_dict(), network="detector as in its card")
    except WeightsError as error:
        raise error.at(file) from error
    network.load_state_dict(dict(state))
    return network


def detector_state(file: Path) -> dict[str, Tensor]:
    """Return the weights in ``file``; raises ``WeightsError`` for those of another method."""
    state, card = load_weights(file, dtype=torch.float32)
    _require_method(card, file)
    return state


def weight_file(place: Path) -> Path:
    """Return the weights of a run's folder: the best ones, else the last."""
    for name in (BEST, LAST):
        if (place / name).is_file():
            return place / name
    raise WeightsError(
        "this folder holds no trained weights",
        file=place,
        expected=f"{BEST} or {LAST}",
        remedy="Name the folder that 'handful learn' or 'handful train' wrote, after it ended",
    )


def load_detector(place: Path, *, device: torch.device) -> TrainedDetector:
    """Return the detector in a run's folder or in one weight file.

    Prototypes that lie beside the weights calibrate it.
    """
    file = weight_file(place) if place.is_dir() else place
    state, card = load_weights(file, dtype=torch.float32)
    _require_method(card, file)
    model = build_detector(state, card, file=file).to(device)
    return TrainedDetector(model, calibration=calibration_beside(file, model, device))


def calibration_beside(
    file: Path, model: DeFRCN, device: torch.device
) -> PrototypeCalibration | None:
    """Return the calibration whose prototypes lie beside ``file``, or None."""
    prototypes = file.parent / PROTOTYPES
    if not prototypes.is_file():
        return None
    embedder = LiteEmbedder().to(device)
    memory = ClassMemory.load(prototypes, model=embedder.fingerprint())
    return PrototypeCalibration.of(model.config, embedder, memory.to(device))


def _require_method(card: Card, file: Path) -> None:
    if card.method != METHOD:
        raise WeightsError(
            "not the weights of a trained detector",
            file=file,
            field="method",
            got=card.method,
            expected=METHOD,
        )
