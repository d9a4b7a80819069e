"""Where the weights of an O2F run come from: an ImageNet classifier, or a base detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor

from handful.methods.o2f.model import O2F
from handful.methods.o2f.weights import imagenet_entries
from handful.nn.entries import require_same_entries
from handful.nn.freezing import freeze_all_but

Part = Literal["classifier", "head", "neck", "all"]
"""What learns: the rows of the classes, the head, head and neck, or all that may."""

MASKS = "head.masks."
CLASS_LAYERS = ("head.classes.", "head.masks.semantic.output.")
"""What knows the classes: a row for each."""


def start_from_classifier(network: O2F, state: Mapping[str, Tensor]) -> O2F:
    """Give the trunk of ``network`` the weights of an ImageNet classifier.

    Raises ``WeightsError`` if that has other entries or shapes than the trunk.
    """
    network.load_state_dict({**network.state_dict(), **imagenet_entries(network, state)})
    return network


def start_from_detector(
    network: O2F,
    state: Mapping[str, Tensor],
    *,
    base_classes: Sequence[str],
    masks: Literal["same", "any"] = "same",
) -> O2F:
    """Give ``network`` the weights of a base detector, whose classes may be others.

    base_classes: those that the base knows; what it says of the network's own among them is kept,
    the rest start unlikely. masks: with "any", a base without masks teaches boxes alone, and the
    masks of a base that are not wanted are left out.
    Raises ``WeightsError`` if an entry does not fit.
    """
    own = network.state_dict()
    ours, theirs = (any(name.startswith(MASKS) for name in one) for one in (own, state))
    free = (*CLASS_LAYERS, MASKS) if masks == "any" and ours != theirs else CLASS_LAYERS
    entries, expected = (
        {name: value for name, value in one.items() if not name.startswith(free)}
        for one in (state, own)
    )
    require_same_entries(entries, expected, network=f"O2F with trunk {network.config.trunk}")
    whole = {**own, **entries}
    names = network.config.class_names
    known = [name for name in names if name in base_classes]
    new = torch.tensor([names.index(name) for name in known], dtype=torch.long)
    old = torch.tensor([tuple(base_classes).index(name) for name in known], dtype=torch.long)
    for name in own:
        if name.startswith(CLASS_LAYERS) and name in state:
            whole[name] = own[name].index_copy(0, new, state[name][old].to(own[name]))
    network.load_state_dict(whole)
    return network


def learn_only(network: O2F, part: Part) -> O2F:
    """Freeze all but ``part`` of ``network``, in place; what its settings freeze stays frozen."""
    head = network.head
    semantic = () if head.masks is None else (head.masks.semantic.output,)
    learnt = {
        "classifier": (head.classes, *semantic),
        "head": (head,),
        "neck": (head, network.neck),
        "all": (network,),
    }[part]
    freeze_all_but(network, learnt)
    return network
