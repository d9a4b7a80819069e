"""Our names of weights and the original's (a fork of mmdet), both ways."""

from __future__ import annotations

import re

from handful.errors import WeightsError
from handful.methods.yolox import keys as yolox

PREFIXES = (
    ("adaptations.", "bbox_head.relation_nets."),
    ("foreground.", "bbox_head.conv_fg."),
)
LAYERS = {
    "feature_input": "input_conv1",
    "memory_input": "input_conv2",
    "convolution": "conv",
    "norm": "bn",
    "layers": "attentions",
    "query": "q_lin",
    "key": "k_lin",
    "value": "v_lin",
    "expand": "mlp.fc1",
    "contract": "mlp.fc2",
    "output": "out_conv",
}
MEMORIES = {"centroids": "clus", "offset": "clus_m"}

OUR_MEMORY = re.compile(r"memories\.(\d+)\.(\d+)\.(centroids|offset)")
THEIR_MEMORY = re.compile(r"bbox_head\.(clus|clus_m)_(\d+)\.feats(\d+)")
"""Levels are counted from 0 by us, from 1 by them."""

_BACK = {theirs: ours for ours, theirs in LAYERS.items()}
_WORDS = re.compile("|".join(rf"(?<=\.){re.escape(word)}(?=\.)" for word in _BACK))


def official_key(key: str) -> str:
    """Return the original's name of an entry of our state dict or of a parameter.

    Raises ``WeightsError`` for names that the original has no counterpart of.
    """
    if match := OUR_MEMORY.fullmatch(key):
        return f"bbox_head.{MEMORIES[match[3]]}_{match[1]}.feats{int(match[2]) + 1}"
    for ours, theirs in PREFIXES:
        if key.startswith(ours):
            words = key.removeprefix(ours).split(".")
            return theirs + ".".join(LAYERS.get(word, word) for word in words)
    return yolox.official_key(key, "mmdet")


def our_key(key: str) -> str:
    """Return our name of an entry of an original state dict.

    Raises ``WeightsError`` for entries that we have no counterpart of.
    """
    if match := THEIR_MEMORY.fullmatch(key):
        kind = {theirs: ours for ours, theirs in MEMORIES.items()}[match[1]]
        return f"memories.{match[2]}.{int(match[3]) - 1}.{kind}"
    for ours, theirs in PREFIXES:
        if key.startswith(theirs):
            return ours + _WORDS.sub(lambda found: _BACK[found[0]], key.removeprefix(theirs))
    try:
        return yolox.our_key(key, "mmdet")
    except WeightsError as error:
        raise WeightsError("the file holds an entry that MS2A does not have", field=key) from error
