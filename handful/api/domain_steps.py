"""What the published stages of MS2A and ``adapt`` do alike: learn, and store memory."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from handful.api.trained import read_detector
from handful.data.dataset import Dataset
from handful.data.staging import Stream
from handful.errors import DataError, NotSupported, WeightsError
from handful.memory.domain_memory import DomainMemories
from handful.memory.fingerprint import model_fingerprint
from handful.methods.ms2a.adapting import MixedStep, PlainStep
from handful.methods.ms2a.domains import join_domains
from handful.methods.ms2a.groups import GroupRates, parameter_groups
from handful.methods.ms2a.memory import MemorySettings, domain_patterns, require_enough
from handful.methods.ms2a.model import MS2A
from handful.methods.ms2a.stream import adaptation_stream
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.stream import learning_stream
from handful.recipes.settings import TrainSettings
from handful.reporter import Reporter, SilentReporter
from handful.train.detection import DetectionTask, Measure
from handful.train.loop import train
from handful.train.run import RunFolder
from handful.train.runtime import process_count, process_rank

MEMORY, MAPS = "memory.safetensors", "maps"


class GroupedTask(DetectionTask):
    """Trains a detector whose parts learn at rates of their own."""

    def __init__(
        self,
        model: Any,
        stream: Stream,
        rates: GroupRates,
        *,
        measure: Measure | None = None,
        metric: str | None = None,
    ) -> None:
        super().__init__(model, stream, measure=measure, metric=metric)
        self.rates = rates
        if metric is None:
            self.metric = None

    def groups(self, settings: TrainSettings) -> list[dict[str, Any]]:
        """Return the parameters by rate and decay."""
        return parameter_groups(self.model, settings, self.rates)


@dataclass(frozen=True)
class Work:
    """Where a step works. metric: of ``measure``, chooses the best weights; None for the last."""

    device: torch.device
    reporter: Reporter = field(default_factory=SilentReporter)
    measure: Measure | None = None
    metric: str | None = None

    def learn_plain(
        self, network: YOLOX, shown: Dataset, step: PlainStep, *, run: RunFolder
    ) -> Mapping[str, float]:
        """Train a plain detector in ``run``, or go on there, and return its figures."""
        stream = learning_stream(
            shown,
            network.config,
            rule=network.input_rule(),
            augmentation=step.augmentation,
            scales=step.scales,
            settings=step.train,
            rank=process_rank(),
            world=process_count(),
        )
        return self._learn(network, stream, step, run)

    def learn_mixed(
        self, network: MS2A, domains: Sequence[Dataset], step: MixedStep, *, run: RunFolder
    ) -> Mapping[str, float]:
        """Train on pictures of all ``domains``, in the order of their ids; see ``learn_plain``."""
        stream = adaptation_stream(
            join_domains(domains, step.repeats),
            network.config,
            step.exchange,
            rule=network.input_rule(),
            settings=step.train,
            rank=process_rank(),
            world=process_count(),
        )
        return self._learn(network, stream, step, run)

    def _learn(
        self, network: YOLOX, stream: Stream, step: PlainStep | MixedStep, run: RunFolder
    ) -> Mapping[str, float]:
        task = GroupedTask(network, stream, step.groups, measure=self.measure, metric=self.metric)
        where = str(self.device)
        return train(task, step.train, run=run, reporter=self.reporter, device=where).results


def stored_memory(
    model: YOLOX,
    sets: Mapping[str, Dataset],
    folder: Path,
    *,
    settings: MemorySettings,
    workers: int = 0,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> DomainMemories:
    """Return what ``model`` remembers of each domain, kept in ``folder``; goes on if stopped.

    overwrite: begin anew. The maps it is made from are removed at the end. Raises ``DataError``,
    before any work, if a domain has too few pictures; ``NotSupported`` in several processes.
    """
    require_one_process()
    file, prints = folder / MEMORY, memory_fingerprint(model)
    if overwrite:
        file.unlink(missing_ok=True)
        shutil.rmtree(folder / MAPS, ignore_errors=True)
    if file.exists():
        return DomainMemories.load(file, model=prints)
    for name, pictures in sets.items():
        try:
            require_enough(len(pictures), model.config, settings)
        except DataError as error:
            raise error.at(f"{name}: {pictures.name}") from error
    reporter = reporter or SilentReporter()
    patterns = {}
    for name, pictures in sets.items():
        reporter.note(f"memory of {name}, from {len(pictures)} pictures")
        patterns[name] = domain_patterns(
            model,
            pictures,
            folder / MAPS / name,
            settings=settings,
            workers=workers,
            reporter=reporter,
        )
    memories = DomainMemories(patterns, prints)
    memories.save(file)
    shutil.rmtree(folder / MAPS, ignore_errors=True)
    return memories


def memory_fingerprint(model: YOLOX) -> str:
    """Return what says which network a memory is of."""
    return model_fingerprint(model, model.config.input_size)


def require_one_process() -> None:
    """Raise ``NotSupported`` if several processes share the work."""
    if process_count() > 1:
        raise NotSupported(
            "memory is stored by one process",
            got=process_count(),
            expected=1,
            remedy="Run the stage memory without torchrun, and the other stages each for itself",
        )


def detector_in(file: Path) -> YOLOX:
    """Return the plain YOLOX in ``file``; raises ``WeightsError`` for any other model."""
    network = read_detector(file)
    # An MS2A is a YOLOX too, but its maps pass through memory.
    if type(network) is not YOLOX:
        raise WeightsError(
            "only a plain YOLOX can be adapted",
            file=file,
            field="method",
            got=network.method,
            expected=YOLOX.method,
            remedy="Give its weights, such as those that 'handful weights convert' makes",
        )
    return network
