"""Models by name or file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from handful import weights
from handful.api.trained import load_detector
from handful.errors import ConfigError, WeightsError, suggest
from handful.methods.detector import DETECTORS
from handful.methods.os2d import OS2D, OS2DConfig
from handful.nn.backbones.build import PRETRAINED
from handful.predict.oneshot import OneShotDetector
from handful.predict.trained import TrainedDetector
from handful.reporter import Reporter
from handful.weights import (
    CATALOGUE,
    Card,
    OfficialFile,
    cache_folder,
    load_weights,
    read_card,
)

DEFAULT_MODEL = "os2d-lite"
PACKAGED = {name: f"{name}.safetensors" for name in (DEFAULT_MODEL, "defrcn-lite", "mpsr-lite")}
"""Models that come with this package: name -> file in ``packaged_folder``."""

TRUNK = "trunk."


def packaged_folder() -> Path:
    """Return where the weight files lie that come with this package."""
    return Path(weights.__file__).parent


Detector = OneShotDetector | TrainedDetector
"""What is shown examples before it searches, and what knows its classes."""


def load(
    model: str | Path = DEFAULT_MODEL,
    *,
    device: torch.device | str | None = None,
    reporter: Reporter | None = None,
) -> Detector:
    """Return a model that comes with this package, that of a weight file, or of a run's folder.

    model: also an official one by its name in the catalogue without the ending, such as
    "mpsr_voc1_base", once it is fetched and converted. device: a CUDA device if there is one, by
    default. Raises ``WeightsError`` for a file that is missing, damaged or does not hold the
    network its card describes.
    """
    file = model_file(model)
    if file.is_dir() or read_card(file).method in DETECTORS:
        return load_detector(file, device=torch_device(device))
    return load_oneshot(file, device=device, reporter=reporter)


def load_oneshot(
    model: str | Path = DEFAULT_MODEL,
    *,
    device: torch.device | str | None = None,
    reporter: Reporter | None = None,
) -> OneShotDetector:
    """Return a model that is shown examples; errors as ``load``, and for any other model."""
    file = model_file(model)
    state, card = load_weights(file)
    network = build_model(state, card, file=file)
    return OneShotDetector(network.to(torch_device(device)), reporter=reporter)


def model_file(model: str | Path) -> Path:
    """Return the weight file meant by a name or path; raises ``WeightsError`` if there is none."""
    name = str(model)
    if name in PACKAGED:
        file = packaged_folder() / PACKAGED[name]
        if not file.is_file():
            raise WeightsError(
                f"this installation has no weights of {name}",
                file=file,
                remedy=f"Reinstall handful, or make them with 'handful train {name}'",
            )
        return file
    file = Path(model)
    if not file.exists() and file.suffix == "" and file.parent == Path():
        return _official_file(name)
    return file


def _official_file(name: str) -> Path:
    """Return what an official file was converted to where ``weights fetch`` puts it."""
    entries = {Path(entry.name).stem: entry for entry in CATALOGUE}
    if name not in entries:
        known = (*PACKAGED, *entries)
        raise WeightsError("no model of this name", got=f"'{name}'", remedy=suggest(name, known))
    converted = cache_folder() / f"{name}.safetensors"
    if not converted.is_file():
        raise WeightsError(
            "this official model is not here yet",
            file=converted,
            remedy=f"Run 'handful weights fetch {entries[name].name}' and what that says next",
        )
    return converted


def weights_list() -> tuple[OfficialFile, ...]:
    """Return the official files of other projects that are known by name."""
    return CATALOGUE


def build_model(state: Mapping[str, Tensor], card: Card, *, file: Path | str) -> OS2D:
    """Return the network that ``card`` describes, with the weights of ``state``.

    Where the trunk's ImageNet weights come with an installed package, ``state`` may leave
    out any of the trunk; everything else must be there, and nothing else.
    """
    if card.method != "os2d":
        raise WeightsError(
            "weights of a method this version does not know",
            file=file,
            field="method",
            got=card.method,
            expected="os2d",
            remedy="Update handful",
        )
    try:
        config = OS2DConfig(**card.config)
    except (TypeError, ConfigError) as error:
        raise WeightsError(
            "the card in the weight file describes no network",
            file=file,
            field="config",
            got=str(error),
        ) from error
    bundled = config.trunk == PRETRAINED
    network = OS2D(config, pretrained_trunk=bundled)
    _require_fit(state, network.state_dict(), file=file, bundled=bundled)
    network.load_state_dict(dict(state), strict=False)
    return network


def _require_fit(
    state: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    *,
    file: Path | str,
    bundled: bool,
) -> None:
    remedy = "Fetch or convert it again"
    missing = [
        key for key in expected if key not in state and not (bundled and key.startswith(TRUNK))
    ]
    for what, keys in (
        ("the weight file lacks an entry", missing),
        ("the weight file holds an unknown entry", sorted(set(state) - set(expected))),
    ):
        if keys:
            raise WeightsError(
                what, file=file, field=keys[0], got=f"{len(keys)} of them", remedy=remedy
            )
    for key, value in state.items():
        if value.shape != expected[key].shape:
            raise WeightsError(
                "an entry of the weight file has the wrong shape",
                file=file,
                field=key,
                got=list(value.shape),
                expected=list(expected[key].shape),
                remedy=remedy,
            )


def torch_device(device: torch.device | str | None) -> torch.device:
    """Return the device meant; a CUDA device if there is one, where none is named."""
    if device is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            "this device cannot be used",
            field="device",
            got=str(device),
            expected="cpu, cuda or cuda:0",
        ) from error
