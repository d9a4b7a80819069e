"""Where a YOLOX that learns new classes starts: at a base detector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from handful.methods.yolox.config import YOLOXConfig
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.weights import CLASS_LAYERS, starting_entries
from handful.nn.freezing import freeze_all_but

Learning = Literal["rows", "head", "neck", "all"]
"""What learns: the last layer of classes, the head, head and neck, or everything."""


def start_from(
    config: YOLOXConfig, state: Mapping[str, Tensor], *, base_classes: Sequence[str]
) -> YOLOX:
    """Return the network of ``config`` with the weights of a base detector.

    Classes that the base knows by name keep what it says of them; the rest start unlikely.
    Raises ``WeightsError`` if an entry does not fit.
    """
    # Rows are matched by name below, even where both know as many classes.
    others = {name: value for name, value in state.items() if not name.startswith(CLASS_LAYERS)}
    entries = starting_entries(others, config)
    network = YOLOX(config)
    whole = {**network.state_dict(), **entries}
    known = [name for name in config.class_names if name in base_classes]
    if known:
        new = torch.tensor([config.class_names.index(name) for name in known])
        old = torch.tensor([tuple(base_classes).index(name) for name in known])
        for name in whole:
            if name.startswith(CLASS_LAYERS):
                whole[name] = whole[name].index_copy(0, new, state[name][old])
    network.load_state_dict(whole)
    return network


def learn_only(network: YOLOX, part: Learning) -> YOLOX:
    """Freeze all but ``part`` of ``network``, in place; its norms must be frozen already."""
    learnt = {
        "rows": [network.head.classes],
        "head": [network.head],
        "neck": [network.head, network.neck],
        "all": [network],
    }[part]
    freeze_all_but(network, learnt)
    return network


def hold_rows(network: YOLOX, class_names: Sequence[str]) -> YOLOX:
    """Keep what the last layers say of ``class_names`` while other rows learn, in place."""
    learnt = torch.tensor([float(name not in class_names) for name in network.config.class_names])
    for layer in network.head.classes:
        for parameter in layer.parameters():
            rows = learnt.reshape(-1, *[1] * (parameter.ndim - 1))
            parameter.register_hook(lambda gradient, rows=rows: gradient * rows.to(gradient))
    return network


def frozen_norms(config: YOLOXConfig, class_names: Sequence[str], *, kept: int = 0) -> YOLOXConfig:
    """Return the base's ``config`` for other classes, of which it has the first ``kept`` already.

    Norms are frozen: few pictures give no statistics.
    """
    return replace(config, class_names=tuple(class_names), kept_classes=kept, norm="frozen")
