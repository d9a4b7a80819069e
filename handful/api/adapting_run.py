"""The steps of ``adapt``, each in a folder of its own: what is finished is not run again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from handful.api.domain_data import DomainPictures, content_of, few_pictures, spread
from handful.api.domain_steps import Work, detector_in, memory_fingerprint, stored_memory
from handful.api.showing import show_run
from handful.api.trained import read_detector, save_detector, weight_file
from handful.data.dataset import Dataset
from handful.data.loader import prepared_pictures
from handful.data.splits.manifest import dataset_from_manifest
from handful.memory.domain_memory import DomainMemories
from handful.memory.fingerprint import model_fingerprint
from handful.methods.detector import TrainableDetector
from handful.methods.ms2a.adapting import AdaptRecipe, MixedStep, PlainStep, Step
from handful.methods.ms2a.model import MS2A
from handful.methods.ms2a.recipes import detector_config
from handful.methods.ms2a.start import map_statistics, pass_maps_on, start_from_detector
from handful.methods.yolox.model import YOLOX
from handful.methods.yolox.start import start_from
from handful.recipes.tree import to_dict
from handful.train.run import RESULTS, RunFolder

STATISTICS_PICTURES = 32
"""Of each domain, on which maps are measured before new parts pass them on."""


@dataclass
class AdaptingRun:
    """A run under way. weights: of the last step that learnt.

    start: the detector it began with. shared: the folder of another run's step base, whose
    detector ``start`` is then.
    """

    folder: Path
    recipe: AdaptRecipe
    pictures: DomainPictures
    work: Work
    start: YOLOX
    overwrite: bool = False
    shared: Path | None = None
    weights: Path = Path()

    def take(self, step: Step) -> bool:
        """Take ``step`` and return True, or False if it was finished already."""
        return {
            "base": self._base,
            "memory": self._memory,
            "source": self._source,
            "target": self._target,
            "fine-tune": self._fine_tune,
        }[step]()

    @cached_property
    def base(self) -> YOLOX:
        """The plain detector that has learnt the source."""
        return detector_in(self.weights)

    @cached_property
    def memories(self) -> DomainMemories:
        """What the plain detector remembers of both domains."""
        recipe, found = self.recipe, self.pictures
        sets = dict(zip(recipe.model.domains, (found.source, found.target), strict=True))
        folder = self.folder / "memory"
        document = {
            "step": "memory",
            "settings": to_dict(recipe.memory),
            "start": memory_fingerprint(self.base),
            "pictures": {name: content_of(one) for name, one in sets.items()},
        }
        RunFolder.open(folder, document, overwrite=self.overwrite)
        return stored_memory(
            self.base.to(self.work.device),
            sets,
            folder,
            settings=recipe.memory,
            overwrite=self.overwrite,
            reporter=self.work.reporter,
        )

    def _base(self) -> bool:
        if self.shared is not None:
            self.weights = weight_file(self.shared) if self.shared.is_dir() else self.shared
            return False
        recipe, shown = self.recipe, self.pictures.source
        run = self._open("base", recipe.base, self.start, shown)
        if self._finished("base"):
            return False
        torch.manual_seed(recipe.base.train.seed)
        network = start_from(
            detector_config(recipe.model),
            self.start.state_dict(),
            base_classes=self.start.config.class_names,
        )
        self.work.learn_plain(network, shown, recipe.base, run=run)
        return self._ended("base")

    def _memory(self) -> bool:
        return bool(self.memories.domains)  # asking for them makes them

    def _source(self) -> bool:
        recipe, found = self.recipe, self.pictures
        domains = (found.source, found.few)
        run = self._open("source", recipe.source, self.base, *domains)
        if self._finished("source"):
            return False
        torch.manual_seed(recipe.source.train.seed)
        network = start_from_detector(recipe.model, self.base.state_dict(), self.memories)
        if recipe.start == "identity":
            pass_maps_on(network, map_statistics(self._maps()))
        self.work.learn_mixed(network, domains, recipe.source, run=run)
        return self._ended("source")

    def _target(self) -> bool:
        recipe, source = self.recipe, self.pictures.source
        count = min(recipe.source_few, _labelled(source))
        chosen = few_pictures(source, count, seed=recipe.seed)
        domains = (dataset_from_manifest(source, chosen), self.pictures.few)
        network = cast(MS2A, read_detector(self.weights))
        run = self._open("target", recipe.target, network, *domains)
        if self._finished("target"):
            return False
        self.work.learn_mixed(network, domains, recipe.target, run=run)
        return self._ended("target")

    def _fine_tune(self) -> bool:
        recipe, shown = self.recipe, self.pictures.few
        run = self._open("fine-tune", recipe.fine_tune, self.base, shown)
        if self._finished("fine-tune"):
            return False
        self.work.learn_plain(self.base, shown, recipe.fine_tune, run=run)
        return self._ended("fine-tune")

    def _maps(self) -> Iterator[list[Tensor]]:
        """Yield the maps that the plain detector makes of some pictures of both domains."""
        base, device = self.base.to(self.work.device).eval(), self.work.device
        rule = replace(base.input_rule(), canvas=base.config.input_size)
        for one in (self.pictures.source, self.pictures.target):
            some = spread(one, STATISTICS_PICTURES)
            for batch in prepared_pictures(some, base.test_resize(), rule, batch=8):
                with torch.no_grad():
                    yield [level.cpu() for level in base.features(batch.images.to(device))]

    def _open(
        self, name: Step, step: PlainStep | MixedStep, start: nn.Module, *shown: Dataset
    ) -> RunFolder:
        """Open the folder of a step; another start or other pictures make another run."""
        document = {
            "step": name,
            "settings": to_dict(step),
            "model": to_dict(self.recipe.model),
            "start": model_fingerprint(start),
            "new_parts": self.recipe.start,
            "pictures": [content_of(one) for one in shown],
        }
        return RunFolder.open(
            self.folder / name,
            document,
            overwrite=self.overwrite,
            refresh=show_run,
            write_weights=partial(_write, source=f"handful adapt, step {name}"),
        )

    def _finished(self, name: Step) -> bool:
        """Return whether a step has ended already, and take what it came to."""
        if not (self.folder / name / RESULTS).exists():
            return False
        self.work.reporter.note(f"{name} is finished")
        return self._ended(name)

    def _ended(self, name: Step) -> bool:
        self.weights = weight_file(self.folder / name)
        return True


def _labelled(dataset: Dataset) -> int:
    """Return the number of pictures that can be drawn as labelled ones."""
    plain = ~(dataset.table.crowd | dataset.table.difficult)
    return max(len(dataset.table.picture[plain].unique()), 1)


def _write(model: nn.Module, path: Path, *, source: str) -> None:
    save_detector(cast(TrainableDetector, model), path, source=source)
