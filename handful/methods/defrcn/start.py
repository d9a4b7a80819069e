"""Where the weights of a run come from: ImageNet, or a base detector and surgery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from handful.errors import ConfigError
from handful.methods.defrcn.model import DeFRCN
from handful.methods.defrcn.recipes import Start
from handful.methods.defrcn.surgery import OUR_HEAD, grow_head, head_classes, remove_head
from handful.methods.defrcn.weights import backbone_entries
from handful.nn.entries import require_same_entries

State = Mapping[str, Tensor]


def start_from(
    network: DeFRCN,
    init: Start,
    state: State,
    *,
    base_classes: Sequence[str] = (),
    generator: torch.Generator | None = None,
) -> DeFRCN:
    """Give ``network``, fresh from its constructor, the weights that ``init`` makes of ``state``.

    "msra": of an ImageNet ResNet. "remove": of a base detector, the last layer stays fresh.
    "randinit": rows of ``base_classes`` are kept, those of new classes drawn. "combine": of a
    detector for all classes. Raises ``WeightsError`` naming the entry that does not fit,
    ``ConfigError`` if a base class is none of the network's.
    """
    expected = network.state_dict()
    if init == "msra":
        entries = backbone_entries(state, network.config)
    elif init == "remove":
        entries = remove_head(state)
    elif init == "randinit":
        entries = grow_head(
            state,
            base=base_classes,
            classes=network.config.class_names,
            generator=generator or torch.Generator().manual_seed(0),
        )
    else:
        _require_all_classes(state, network)
        entries = dict(state)
    # A cosine classifier has no bias: TFA starts it from a linear base all the same.
    spare = [name for name in OUR_HEAD.entries() if name in entries and name not in expected]
    entries = {name: value for name, value in entries.items() if name not in spare}
    if init in ("randinit", "combine", "none"):
        require_same_entries(entries, expected, network=_described(network))
    elif init == "remove":
        fitting = remove_head(expected)
        require_same_entries(entries, fitting, network=_described(network))
    network.load_state_dict({**expected, **entries})
    return network


def _require_all_classes(state: State, network: DeFRCN) -> None:
    count, wanted = head_classes(state), network.config.class_count
    if count != wanted:
        raise ConfigError(
            "the weights to start from have another number of classes",
            got=f"{count} classes",
            expected=f"{wanted}: {', '.join(network.config.class_names)}",
            remedy="Prepare them with 'handful surgery'",
        )


def _described(network: DeFRCN) -> str:
    return f"detector with trunk {network.config.trunk}"
