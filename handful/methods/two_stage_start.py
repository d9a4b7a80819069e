"""Where the weights of a two-stage run come from: ImageNet, or a base detector and surgery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

import torch
from torch import Tensor

from handful.errors import ConfigError
from handful.methods.surgery import grow_head, head_classes, remove_head
from handful.methods.two_stage import TwoStageDetector
from handful.nn.entries import require_same_entries

Start = Literal["msra", "remove", "randinit", "combine", "none"]
"""An ImageNet ResNet; a base without its classes, or with rows for new ones; a detector of all."""

Detector = TypeVar("Detector", bound=TwoStageDetector)


def start_from(
    network: Detector,
    init: Start,
    state: Mapping[str, Tensor],
    *,
    base_classes: Sequence[str] = (),
    generator: torch.Generator | None = None,
) -> Detector:
    """Give ``network``, fresh from its constructor, the weights that ``init`` makes of ``state``.

    "msra": of an ImageNet ResNet. "remove": of a base detector; what knows its classes stays
    fresh, a box that all classes share is kept. "randinit": rows of ``base_classes`` are kept,
    too, those of new classes drawn. "combine", "none": of a detector of the same classes. Raises
    ``WeightsError`` naming the entry that does not fit, ``ConfigError`` if a base class is none of
    the network's.
    """
    names, expected = network.head_names, network.state_dict()
    if init == "msra":
        entries = network.imagenet_entries(state)
    elif init == "remove":
        entries = remove_head(state, names)
    elif init == "randinit":
        entries = grow_head(
            state,
            names,
            base=base_classes,
            classes=network.config.class_names,
            generator=generator or torch.Generator().manual_seed(0),
        )
    else:
        _require_all_classes(state, network)
        entries = dict(state)
    # A cosine classifier has no bias: TFA starts it from a linear base all the same.
    spare = [name for name in names.entries() if name in entries and name not in expected]
    entries = {name: value for name, value in entries.items() if name not in spare}
    if init != "msra":
        fitting = remove_head(expected, names) if init == "remove" else expected
        require_same_entries(entries, fitting, network=_described(network))
    network.load_state_dict({**expected, **entries})
    return network


def _require_all_classes(state: Mapping[str, Tensor], network: TwoStageDetector) -> None:
    count, wanted = head_classes(state, network.head_names), network.config.class_count
    if count != wanted:
        raise ConfigError(
            "the weights to start from have another number of classes",
            got=f"{count} classes",
            expected=f"{wanted}: {', '.join(network.config.class_names)}",
            remedy="Prepare them with 'handful surgery', or start without their classes",
        )


def _described(network: TwoStageDetector) -> str:
    return f"detector with trunk {network.config.trunk}"
