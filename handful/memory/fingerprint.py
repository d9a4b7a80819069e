"""Telling models apart, so that class features are never matched with another model's."""

from __future__ import annotations

import hashlib

import torch
from torch import nn


def model_fingerprint(model: nn.Module, *settings: object) -> str:
    """Return a short text that changes with any weight of ``model`` and any of ``settings``.

    settings: what decides about class features without being a weight, such as the size of
    class pictures; their ``repr`` counts. The device does not count, the precision does.
    """
    digest = hashlib.sha256(repr((type(model).__name__, *settings)).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        plain = tensor.detach().cpu().contiguous().flatten()
        digest.update(plain.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:32]
