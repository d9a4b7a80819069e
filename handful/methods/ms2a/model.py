"""MS2A: a YOLOX whose maps are changed by what is remembered of the picture's domain."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from handful.errors import ConfigError
from handful.methods.ms2a.adaptation import Adaptation
from handful.methods.ms2a.config import MS2AConfig
from handful.methods.ms2a.loss import DomainOutputs, ms2a_losses
from handful.methods.ms2a.suppression import EXPORTED_ROUNDS, soft_surviving
from handful.methods.yolox.boxes import decoded_boxes
from handful.methods.yolox.config import STRIDES
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.suppression import best_classes
from handful.nn.backbones.csp import ConvBlock
from handful.nn.found import Found
from handful.structures import Targets

OFFSET_DEVIATION = 1e-3
"""Of the learnt offsets of a memory before training."""


class LevelMemory(nn.Module):
    """What a domain remembers of one level: K patterns, fixed, and what is learnt to add to them.

    The paper calls the offset a momentum update; in its code it is a parameter like any other.
    """

    centroids: Tensor

    def __init__(self, clusters: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("centroids", torch.zeros(clusters, *size))
        self.offset = nn.Parameter(torch.empty(clusters, *size).normal_(std=OFFSET_DEVIATION))

    def forward(self) -> Tensor:
        """Return the patterns ``[K, h, w]``."""
        return self.centroids + self.offset


class MS2A(YOLOX):
    """Finds objects of the classes that ``config`` names, in pictures of its domains.

    A new one remembers nothing: ``remember`` or a state dict fills the memory.
    """

    method = "ms2a"
    config_type = MS2AConfig
    config: MS2AConfig

    def __init__(self, config: MS2AConfig) -> None:
        super().__init__(config)
        self.adaptations = nn.ModuleList(
            Adaptation(
                config.channels,
                config.clusters,
                channels=config.channels,
                heads=config.heads,
                hidden=config.hidden,
                layers=config.layers,
                window=config.window,
                key_windows=config.key_windows,
                dropout=config.dropout,
            )
            for _ in STRIDES
        )
        self.memories = nn.ModuleList(
            nn.ModuleList(LevelMemory(config.clusters, size) for size in config.memory_sizes)
            for _ in config.domains
        )
        self.foreground = nn.Sequential(
            ConvBlock(self.backbone.channels[-1], config.foreground_channels, 3),
            nn.Conv2d(config.foreground_channels, 1, 1),
        )
        for part in (self.adaptations, self.foreground):
            for layer in part.modules():
                if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(
        self, images: Tensor, sizes: Tensor, domains: Tensor | None = None
    ) -> DomainOutputs:
        """Return what each cell says about ``images`` ``[B, 3, H, W]``, prepared and padded.

        sizes: ``[B, 2]`` before padding. domains: ``[B]`` int64 ids, a batch may mix them; None
        for the config's default domain.
        """
        maps = self.backbone(images)
        adapted = self.adapted(self.neck(maps), domains)
        return DomainOutputs(*self.head(adapted), foreground=self.foreground(maps[-1]))

    def adapted(self, maps: Sequence[Tensor], domains: Tensor | None = None) -> list[Tensor]:
        """Return the neck's ``maps`` ``[B, C, h, w]``, changed by the memory of their domains."""
        if domains is None:
            number = self.config.domain_number(self.config.default_domain)
            domains = torch.full((maps[0].shape[0],), number, device=maps[0].device)
        return [
            adaptation(features, self.memory(level).to(features.dtype)[domains])
            for level, (adaptation, features) in enumerate(zip(self.adaptations, maps, strict=True))
        ]

    def memory(self, level: int) -> Tensor:
        """Return the patterns ``[D, K, h, w]`` of every domain at one level."""
        return torch.stack([cast(nn.ModuleList, levels)[level]() for levels in self.memories])

    def train(self, mode: bool = True) -> Self:
        """Switch to training; frozen norms keep their statistics, but for those of new parts."""
        super().train(mode)
        self.adaptations.train(mode)
        self.foreground.train(mode)
        return self

    @torch.no_grad()
    def remember(self, domain: str, centroids: Sequence[Tensor]) -> None:
        """Make ``centroids`` ``[K, h, w]`` of every level what is fixed of a domain's memory.

        Raises ``ConfigError`` if the domain is not known or sizes differ.
        """
        levels = cast(nn.ModuleList, self.memories[self.config.domain_number(domain)])
        expected = [tuple(cast(LevelMemory, level).centroids.shape) for level in levels]
        got = [tuple(one.shape) for one in centroids]
        if got != expected:
            raise ConfigError(
                "a memory of another size than the network's",
                field=f"memory of {domain}",
                got=got,
                expected=expected,
                remedy="Set clusters and memory_sizes to it, or cluster again",
            )
        for level, one in zip(levels, centroids, strict=True):
            cast(LevelMemory, level).centroids.copy_(one)

    def for_export(self, *, domain: str | None = None) -> MS2A:
        """Return a copy with the memory of one domain, the default one if None is named.

        By soft suppression it finds no more than ``EXPORTED_ROUNDS`` objects: a graph runs as
        many rounds as that, whatever the picture.
        """
        config = self.config
        name = config.default_domain if domain is None else domain
        number = config.domain_number(name)
        rounds = config.max_detections
        if config.suppression == "soft" and rounds is None:
            rounds = EXPORTED_ROUNDS
        copy = deepcopy(self)
        copy.memories = nn.ModuleList([copy.memories[number]])
        copy.config = replace(config, domains=(name,), default_domain=name, max_detections=rounds)
        return copy

    def loss(
        self, outputs: Any, targets: Sequence[Targets], *, closing: bool = False
    ) -> dict[str, Tensor]:
        """Return the losses and their sum, ``total``; arguments as those of ``YOLOX.loss``."""
        return ms2a_losses(outputs, targets, config=self.config, closing=closing)

    def detect(self, outputs: Any, sizes: Tensor) -> Found:
        """Return the detections in prepared pictures of ``sizes`` ``[B, 2]``, as padded tensors."""
        config, dense = self.config, cast(DomainOutputs, outputs).dense()
        if config.suppression == "hard":
            return super().detect(dense, sizes)
        scores, labels = best_classes(dense)
        return soft_surviving(
            decoded_boxes(dense.box_values, dense.cells, dense.strides),
            scores,
            labels,
            threshold=config.score_threshold,
            iou=config.nms_iou,
            least=config.least_score,
            limit=config.max_detections,
        )
