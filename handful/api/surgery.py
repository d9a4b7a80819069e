"""Giving the weights of a base detector the head of its fine-tuning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from handful.data.splits.divisions import DIVISIONS
from handful.errors import ConfigError, WeightsError
from handful.files import require_writable
from handful.methods.detector import DETECTORS, detector_type
from handful.methods.surgery import HeadNames, combine_heads, grow_head, remove_head
from handful.methods.two_stage import TwoStageDetector
from handful.weights import Card, load_weights, save_weights

Operation = Literal["remove", "randinit", "combine"]


def surgery(
    operation: Operation,
    base: Path | str,
    novel: Path | str | None = None,
    *,
    out: Path | str,
    classes: Sequence[str] = (),
    seed: int = 0,
) -> Path:
    """Write the weights of ``base`` with another head to ``out`` and return where they are.

    "remove": without its last layer. "randinit": with one for all ``classes``, new rows drawn
    by ``seed``. "combine": with one for all ``classes``, new rows from ``novel``. classes: in
    the order of the new head, or the name of a published division (voc1, voc2, voc3, coco);
    "combine" puts the novel ones last if none are given. Raises ``ConfigError`` for classes
    that do not fit, ``WeightsError`` for files that are no detectors of one architecture.
    """
    target = Path(out)
    if target.suffix != ".safetensors":
        raise ConfigError(
            "a weight file needs another ending",
            field="out",
            got=target.name,
            expected="a name ending in .safetensors",
        )
    require_writable(target)
    state, card, head = _detector(base)
    asked = _named(classes)
    how = f"surgery {operation} of {Path(base).name}"
    if operation == "combine":
        if novel is None:
            raise ConfigError("combining needs a second detector", field="novel", got="none")
        other, other_card, _ = _detector(novel)
        names = asked or (*card.class_names, *other_card.class_names)
        changed = combine_heads(
            state, other, head, base=card.class_names, novel=other_card.class_names, classes=names
        )
        how += f" with {Path(novel).name}"
    elif operation == "randinit":
        names = asked
        generator = torch.Generator().manual_seed(seed)
        changed = grow_head(state, head, base=card.class_names, classes=names, generator=generator)
        how += f", seed {seed}"
    else:
        names, changed = (), remove_head(state, head)
    card = replace(card, class_names=names, source=f"{how}; its source: {card.source}")
    save_weights(target, changed, card)
    return target


def _detector(file: Path | str) -> tuple[dict[str, Tensor], Card, HeadNames]:
    state, card = load_weights(file)
    kind = detector_type(card.method) if card.method in DETECTORS else None
    if kind is None or not issubclass(kind, TwoStageDetector):
        raise WeightsError(
            "not the weights of a two-stage detector",
            file=file,
            field="method",
            got=card.method,
            expected="defrcn or mpsr",
        )
    return state, card, kind.head_names


def _named(classes: Sequence[str]) -> tuple[str, ...]:
    if len(classes) == 1 and classes[0] in DIVISIONS:
        return DIVISIONS[classes[0]].everything
    return tuple(classes)
