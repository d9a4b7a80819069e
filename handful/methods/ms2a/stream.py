"""What the stages source and target learn from: pictures of all domains, with objects exchanged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy

from handful.data.partners import PicturePool
from handful.data.staging import MultiScale, Stream
from handful.data.transforms import Chain, InputRule, Sample, Transform
from handful.data.transforms.copypaste import CopyPaste, Occlusion
from handful.methods.ms2a.config import MS2AConfig
from handful.methods.ms2a.domains import DomainStream, JoinedDomains
from handful.methods.yolox.pictures import DenseAugmentation, closing_transform, train_transform
from handful.methods.yolox.stream import Showing, staged_stream
from handful.recipes.settings import TrainSettings


@dataclass(frozen=True)
class Exchange:
    """How pictures are changed. copy_paste: None for no objects from other domains.

    close_mosaic: whether the closing steps combine nothing; they mark their batches anyway.
    """

    augmentation: DenseAugmentation
    copy_paste: Occlusion | None = Occlusion()
    scales: MultiScale | None = None
    close_mosaic: bool = False


@dataclass(frozen=True)
class ByDomain:
    """One transform a domain. domains: of the pictures of the data set."""

    domains: tuple[int, ...]
    transforms: tuple[Transform, ...]

    def __call__(self, sample: Sample, rng: numpy.random.Generator) -> Sample:
        """Return what the transform of the sample's domain returns."""
        return self.transforms[self.domains[sample.picture]](sample, rng)


def adaptation_stream(
    joined: JoinedDomains,
    config: MS2AConfig,
    exchange: Exchange,
    *,
    rule: InputRule,
    settings: TrainSettings,
    rank: int = 0,
    world: int = 1,
) -> Stream:
    """Return the part of process ``rank`` of ``world`` of what a run by ``settings`` learns from.

    rule: what the network expects of pixels. Raises ``ConfigError`` for numbers that do not fit.
    """
    mixed, plain = (
        domain_transform(joined, config, exchange, combined=combined) for combined in (True, False)
    )
    showing = Showing(
        mixed=mixed,
        closing=plain if exchange.close_mosaic else mixed,
        size=config.input_size,
        rule=rule,
        scales=exchange.scales,
    )
    stream = staged_stream(joined.dataset, showing, settings=settings, rank=rank, world=world)
    return DomainStream(stream, joined.domains)


def domain_transform(
    joined: JoinedDomains, config: MS2AConfig, exchange: Exchange, *, combined: bool
) -> ByDomain:
    """Return what happens to training pictures of each domain.

    Objects of other domains are laid on them; with ``combined``, three raw pictures of the same
    domain join them. A picture stays one of its domain.
    """
    transforms = []
    for domain in range(len(config.domains)):
        steps: list[Transform] = []
        others = joined.dataset.subset((joined.domains != domain).nonzero().flatten().tolist())
        if exchange.copy_paste is not None and len(others):
            steps.append(
                CopyPaste(
                    config.input_size,
                    PicturePool(others, keep_empty=True),
                    outlines=joined.dataset.outlines,
                    partner_outlines=others.outlines,
                    occlusion=exchange.copy_paste,
                    fill=config.pad_value,
                )
            )
        if combined:
            own = PicturePool(joined.only(domain), keep_empty=True)
            steps.append(train_transform(config, exchange.augmentation, own))
        else:
            steps.append(closing_transform(config, exchange.augmentation))
        transforms.append(Chain(tuple(steps)))
    return ByDomain(tuple(joined.domains.tolist()), tuple(transforms))
