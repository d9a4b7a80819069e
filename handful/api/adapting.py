"""Moving a detector to another domain, by a few labelled pictures and many that are not."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from handful.api.adapting_run import AdaptingRun
from handful.api.dense_training import measure_dense
from handful.api.domain_data import Pictures, content_of, domain_pictures
from handful.api.domain_steps import Work, detector_in, require_one_process
from handful.api.models import model_file, torch_device
from handful.api.trained import read_detector, weight_file
from handful.data.dataset import Dataset
from handful.errors import ConfigError, suggest
from handful.files import read_json, replacing, require_writable
from handful.memory.fingerprint import model_fingerprint
from handful.methods.ms2a.adapting import STEPS, AdaptRecipe, Method, Step, adapt_recipe
from handful.methods.ms2a.recipes import detector_config
from handful.methods.ms2a.start import norms_are_folded
from handful.methods.yolox.model import YOLOX
from handful.recipes.dense import DenseEvaluation
from handful.recipes.tree import override, to_dict
from handful.reporter import Reporter, SilentReporter
from handful.train.run import LAST, RECIPE, RESULTS, SHOTS, RunFolder

RULES = DenseEvaluation()

KNOWN = "known"
"""What a run says of its base, for runs that share its first step."""


@dataclass(frozen=True)
class Adapted:
    """What adapting gives.

    folder: of the run, with one folder a step. weights: of the last step that learnt. results:
    by step, figures on the pictures that were given to test on. unmatched: classes of one domain
    only, not learnt.
    """

    folder: Path
    weights: Path
    recipe: AdaptRecipe
    results: Mapping[str, Mapping[str, float]]
    class_names: tuple[str, ...]
    unmatched: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for ``json.dumps``."""
        return {
            "folder": str(self.folder),
            "weights": str(self.weights),
            "class_names": list(self.class_names),
            "unmatched": list(self.unmatched),
            "results": {step: dict(figures) for step, figures in self.results.items()},
            "recipe": to_dict(self.recipe),
        }


def adapt(
    source: Pictures,
    *,
    target_images: Pictures,
    target_few: Pictures,
    out: Path | str,
    base: Path | str | None = None,
    base_run: Path | str | None = None,
    val: Pictures | None = None,
    method: Method = "ms2a",
    until: Step | None = None,
    pictures: int | None = None,
    seed: int = 0,
    changes: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    device: str | None = None,
    reporter: Reporter | None = None,
) -> Adapted:
    """Move a YOLOX from the labelled ``source`` to a target domain; ``out`` becomes the run.

    target_images: a folder, or a data set whose boxes are not used. target_few: labelled
    pictures of the target; of them ``pictures`` are drawn, or all taken. base: weights to start
    from, with any classes. base_run: an earlier run whose step base is taken in their place.
    val: pictures to measure each step on; nothing is chosen by them. method: "fine-tune" shows
    the target's pictures to the plain detector instead, for comparison. until: the last step.
    Steps that are finished are not run again, one that was stopped goes on. Raises
    ``ConfigError``, ``DataError`` and ``WeightsError`` for what these can be wrong in.
    """
    reporter = reporter or SilentReporter()
    steps = _steps(method, until)
    require_one_process()
    folder = Path(out)
    require_writable(folder / LAST)
    start = detector_in(_start_file(base, base_run))
    found = domain_pictures(
        source,
        target_images,
        target_few,
        val=val,
        pictures=pictures,
        seed=seed,
        reporter=reporter,
    )
    known = _knows(start, found.few.class_names, base_run)
    if known:
        reporter.note("the base knows these classes already: it is changed in small steps")
    recipe = adapt_recipe(
        start.config,
        found.few.class_names,
        source=len(found.source),
        few=len(found.few),
        known=known,
        seed=seed,
    )
    recipe = override(recipe, dict(changes or {}))
    _require_fitting(recipe, start, whole=base_run is not None)
    how = {"method": method, "start": model_fingerprint(start), KNOWN: known}
    document = {**how, **to_dict(recipe)}
    run = RunFolder.open(folder, document, overwrite=overwrite)
    run.keep(SHOTS, found.manifest.to_json())
    adapting = AdaptingRun(
        folder,
        recipe,
        found,
        Work(torch_device(device), reporter),
        start,
        overwrite=overwrite,
        shared=_base_folder(base_run),
    )
    results = _Results(run, found.tested)
    for number, step in enumerate(steps, start=1):
        reporter.note(f"step {number} of {len(steps)}: {step}")
        fresh = adapting.take(step)
        if step != "memory":
            results.measure(step, adapting.weights, fresh=fresh, device=adapting.work.device)
            with replacing(folder / LAST) as temporary:
                shutil.copyfile(adapting.weights, temporary)
    return Adapted(
        folder, folder / LAST, recipe, results.figures, found.few.class_names, found.unmatched
    )


class _Results:
    """Figures of each step on the same pictures, kept beside the run."""

    def __init__(self, run: RunFolder, tested: Dataset | None) -> None:
        self.run, self.tested = run, tested
        self.content = None if tested is None else content_of(tested)
        file = run.path / RESULTS
        saved: Any = read_json(file) if file.is_file() else {}
        same = saved.get("tested") == self.content
        self.figures: dict[str, Mapping[str, float]] = (
            dict(saved.get("results", {})) if same else {}
        )

    def measure(self, step: Step, weights: Path, *, fresh: bool, device: torch.device) -> None:
        """Measure what ``step`` came to, unless that is known; fresh: it has learnt just now."""
        if self.tested is not None and (fresh or step not in self.figures):
            network = read_detector(weights).to(device)
            self.figures[step] = measure_dense(network, asked=self.tested, rules=RULES)
        self.run.write(RESULTS, {"tested": self.content, "results": self.figures})


def _steps(method: Method, until: Step | None) -> tuple[Step, ...]:
    if method not in STEPS:
        raise ConfigError(
            "no such way to adapt", field="method", got=method, remedy=suggest(method, STEPS)
        )
    steps = STEPS[method]
    if until is None:
        return steps
    if until not in steps:
        raise ConfigError(
            f"the method {method} has no such step",
            field="until",
            got=until,
            expected=", ".join(steps),
        )
    return steps[: steps.index(until) + 1]


def _start_file(base: Path | str | None, base_run: Path | str | None) -> Path:
    if (base is None) == (base_run is None):
        raise ConfigError(
            "a detector to start from",
            field="base",
            got="none" if base is None else "two",
            expected="--base with weights, or --base-run with an earlier run",
        )
    if base is not None:
        return model_file(base)
    place = _base_folder(base_run) or Path()
    return weight_file(place) if place.is_dir() else place


def _knows(start: YOLOX, class_names: Sequence[str], base_run: Path | str | None) -> bool:
    """Return whether the base of this run, or of the earlier one, knew the classes by name."""
    if base_run is None:
        return set(class_names) <= set(start.config.class_names)
    file = Path(base_run) / RECIPE
    earlier: Any = read_json(file) if file.is_file() else {}
    return bool(earlier.get(KNOWN, False))


def _base_folder(base_run: Path | str | None) -> Path | None:
    """Return where the step base of an earlier run lies."""
    if base_run is None:
        return None
    place = Path(base_run)
    return place / "base" if (place / "base").is_dir() else place


def _require_fitting(recipe: AdaptRecipe, start: YOLOX, *, whole: bool) -> None:
    """Raise ``ConfigError`` if the detector to start from cannot be used by ``recipe``."""
    if whole and start.config != detector_config(recipe.model):
        ours, theirs = to_dict(detector_config(recipe.model)), to_dict(start.config)
        other = next(name for name in ours if ours[name] != theirs[name])
        raise ConfigError(
            "the step base of the other run made another detector",
            field=f"model.{other}",
            got=ours[other],
            expected=theirs[other],
            remedy="Start from --base instead, which runs the step anew",
        )
    if recipe.model.norm == "batch" and norms_are_folded(start.state_dict()):
        raise ConfigError(
            "the norms of this base were folded into its weights, so that batches would ruin it",
            field="model.norm",
            got="batch",
            expected="frozen",
        )
