"""Any network of timm as what looks at examples, and which one it was."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from handful.errors import WeightsError
from handful.memory.class_memory import ClassMemory
from handful.memory.embedders import CELLS, DetailEmbedder, PartsEmbedder
from handful.nn.backbones.timm import require_known

LITE = "efficientnet_lite0"
"""The one whose weights come with an installed package."""

TIMM = "timm:"
"""What fingerprints of other networks begin with; their name follows."""


class TimmEmbedder(PartsEmbedder):
    """A network that timm knows by ``name``, with the weights that timm gets for it.

    Its last map in 3x3 cells, tokens laid out as such, and its pooled features. Weights are
    downloaded once, by timm. Raises ``ConfigError`` for an unknown name, ``WeightsError`` where
    there are no weights to be had.
    """

    def __init__(self, name: str, *, pretrained: bool = True) -> None:
        network = _network(name, pretrained=pretrained)
        made_for = network.pretrained_cfg
        super().__init__(made_for["mean"], made_for["std"])
        self.name, self.side, self.network = name, int(made_for["input_size"][-1]), network
        self.eval().requires_grad_(False)
        with torch.no_grad():
            cells, pooled = self._parts(torch.zeros(1, 3, self.side, self.side))
        self.parts = (cells.shape[1], pooled.shape[1])

    def seen(self, pictures: Tensor) -> Tensor:
        """Return the embeddings ``[N, D]`` of normalised ``pictures`` ``[N, 3, side, side]``."""
        return torch.cat(self._parts(pictures), dim=1)

    def fingerprint(self) -> str:
        """Return what tells this network's embeddings from another's, its name included."""
        return f"{TIMM}{self.name}:{super().fingerprint()}"

    def _parts(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        features = self.network.forward_features(pictures)
        cells = adaptive_avg_pool2d(self._map(features), CELLS).flatten(1)
        return cells, self.network.forward_head(features, pre_logits=True)

    def _map(self, features: Tensor) -> Tensor:
        """Return the last features as ``[N, C, h, w]``, whatever the network's own order."""
        channels = self.network.num_features
        if features.ndim == 3:
            tokens = features[:, self.network.num_prefix_tokens :]
            side = math.isqrt(tokens.shape[1])
            return tokens.transpose(1, 2).unflatten(2, (side, side))
        last = features.shape[-1] == channels != features.shape[1]
        return features.permute(0, 3, 1, 2) if last else features


def named_embedder(name: str) -> PartsEmbedder:
    """Return what looks at examples by its name, see ``TimmEmbedder``."""
    return DetailEmbedder() if name == LITE else TimmEmbedder(name)


def maker_of(memory: ClassMemory) -> PartsEmbedder:
    """Return what made ``memory``, by the name in its fingerprint."""
    if not memory.model.startswith(TIMM):
        return DetailEmbedder()
    return TimmEmbedder(memory.model.removeprefix(TIMM).rpartition(":")[0])


def _network(name: str, *, pretrained: bool) -> Any:
    import timm

    require_known(name, field="embedder")
    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(
            "the weights of this network are not to be had",
            field="embedder",
            got=f"{name}: {(str(error).splitlines() or [type(error).__name__])[0]}",
            expected="a network whose weights timm can download, or has downloaded before",
            remedy=f"Connect to the internet once, or take {LITE}",
        ) from error
