"""Where the weights of an O2F run come from: an ImageNet classifier, or a base detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from handful.methods.o2f.model import O2F
from handful.methods.o2f.weights import imagenet_entries
from handful.nn.entries import require_same_entries

CLASS_LAYERS = ("head.classes.", "head.masks.semantic.output.")
"""What knows the classes: a row for each."""


def start_from_classifier(network: O2F, state: Mapping[str, Tensor]) -> O2F:
    """Give the trunk of ``network`` the weights of an ImageNet classifier.

    Raises ``WeightsError`` if that has other entries or shapes than the trunk.
    """
    network.load_state_dict({**network.state_dict(), **imagenet_entries(network, state)})
    return network


def start_from_detector(
    network: O2F, state: Mapping[str, Tensor], *, base_classes: Sequence[str]
) -> O2F:
    """Give ``network`` the weights of a base detector, whose classes may be others.

    Classes that the base knows by name keep what it says of them; the rest start unlikely.
    Raises ``WeightsError`` if an entry does not fit.
    """
    own = network.state_dict()
    entries, expected = (
        {name: value for name, value in one.items() if not name.startswith(CLASS_LAYERS)}
        for one in (state, own)
    )
    require_same_entries(entries, expected, network=f"O2F with trunk {network.config.trunk}")
    whole = {**own, **entries}
    names = network.config.class_names
    known = [name for name in names if name in base_classes]
    new = torch.tensor([names.index(name) for name in known], dtype=torch.long)
    old = torch.tensor([tuple(base_classes).index(name) for name in known], dtype=torch.long)
    for name in whole:
        if name.startswith(CLASS_LAYERS) and name in state:
            whole[name] = whole[name].index_copy(0, new, state[name][old].to(whole[name]))
    network.load_state_dict(whole)
    return network
