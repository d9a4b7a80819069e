"""Trained detectors on disk: a weight file, or the folder of a run."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from handful.errors import DataError, WeightsError
from handful.files import read_json
from handful.memory import ClassMemory
from handful.memory.calibration import PrototypeCalibration
from handful.memory.embedders import LiteEmbedder
from handful.memory.naming import ExampleNaming
from handful.memory.timm_embedder import maker_of
from handful.methods.detector import (
    DETECTORS,
    TrainableDetector,
    build_detector,
    card_config,
)
from handful.predict.trained import Calibration, TrainedDetector
from handful.train.run import BEST, EXAMPLES, LAST, PROTOTYPES, SCORES
from handful.weights import Card, load_weights, save_weights


def save_detector(
    model: TrainableDetector, path: Path, *, source: str, dtype: torch.dtype | None = None
) -> None:
    """Write all of ``model`` with its card."""
    card = Card(
        model.method,
        card_config(model),
        tuple(model.config.class_names),
        licence="Apache-2.0",
        source=source,
    )
    save_weights(path, model.state_dict(), card, dtype=dtype)


def read_detector(file: Path) -> TrainableDetector:
    """Return the network in a weight file; raises ``WeightsError`` for what is none."""
    state, card = _detector_weights(file)
    try:
        return build_detector(card.method, card.config, card.class_names, state)
    except WeightsError as error:
        raise error.at(file) from error


def detector_state(file: Path) -> dict[str, Tensor]:
    """Return the weights in ``file``; raises ``WeightsError`` for those of another method."""
    return _detector_weights(file)[0]


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

    Prototypes or examples that lie beside the weights calibrate it.
    """
    file = weight_file(place) if place.is_dir() else place
    model = read_detector(file).to(device)
    return TrainedDetector(
        model,
        calibration=calibration_beside(file, model, device),
        suggested=scores_beside(file),
    )


def scores_beside(file: Path) -> dict[str, float]:
    """Return above which score each class should be shown, where that lies beside ``file``.

    Raises ``DataError`` for a file that says something else.
    """
    place = file.parent / SCORES
    if not place.is_file():
        return {}
    document = read_json(place)
    if not isinstance(document, dict) or not all(
        isinstance(value, int | float) and 0 <= value <= 1 for value in document.values()
    ):
        raise DataError(
            "not a list of scores",
            file=place,
            expected="a number from 0 to 1 for each class",
            remedy="Remove the file, or learn again",
        )
    return {name: float(value) for name, value in document.items()}


def calibration_beside(
    file: Path, model: TrainableDetector, device: torch.device
) -> Calibration | None:
    """Return the calibration whose prototypes or examples lie beside ``file``, or None."""
    blend = model.config.blend
    prototypes, examples = file.parent / PROTOTYPES, file.parent / EXAMPLES
    if prototypes.is_file():
        embedder = LiteEmbedder().to(device)
        memory = ClassMemory.load(prototypes, model=embedder.fingerprint())
        return PrototypeCalibration(embedder, memory.to(device), blend)
    if examples.is_file():
        memory = ClassMemory.load(examples)
        try:
            return ExampleNaming(maker_of(memory).to(device), memory.to(device), blend)
        except WeightsError as error:
            raise error.at(examples) from error
    return None


def _detector_weights(file: Path) -> tuple[dict[str, Tensor], Card]:
    state, card = load_weights(file, dtype=torch.float32)
    if card.method not in DETECTORS:
        raise WeightsError(
            "not the weights of a trained detector",
            file=file,
            field="method",
            got=card.method,
            expected=" or ".join(DETECTORS),
        )
    return state, card
