"""A whole table of few-shot runs: splits × shots × seeds, one folder each, resumable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from handful.api.training import RUNS, AnyRecipe, recipe, train
from handful.errors import ConfigError
from handful.evaluate.seeds import Repetition, Summary, summarise
from handful.files import read_json, require_writable, write_json, write_text
from handful.methods.few_shot import FewShotEvaluation
from handful.reporter import Reporter, SilentReporter, track
from handful.train.run import RESULTS

TABLE, FIGURES = "table.md", "sweep.json"
REPETITIONS = {True: Repetition.SAME_BOXES, False: Repetition.OTHER_BOXES}


@dataclass(frozen=True)
class Cell:
    """One entry of the table: a split and K, over all its runs."""

    split: int | None
    shots: int
    summary: Summary

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for ``json.dumps``."""
        return {"split": self.split, "shots": self.shots, **self.summary.to_json()}


@dataclass(frozen=True)
class Sweep:
    """What a sweep gives: its folder, the metric of its table, a cell a split and K."""

    folder: Path
    metric: str
    cells: tuple[Cell, ...]

    def to_markdown(self) -> str:
        """Return the table: mean ± 95 % interval (Student's t) and n, in percent."""
        shots = list(dict.fromkeys(cell.shots for cell in self.cells))
        heads = ["split", *(f"{shot}-shot" for shot in shots)]
        lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
        for split in dict.fromkeys(cell.split for cell in self.cells):
            own = {cell.shots: cell for cell in self.cells if cell.split == split}
            row = [_entry(own[shot], self.metric) if shot in own else "–" for shot in shots]
            lines.append(f"| {split or '–'} | {' | '.join(row)} |")
        repeated = self.cells[0].summary.repetition.value if self.cells else ""
        return (
            f"{self.metric}, mean ± 95 % (n); repeated: {repeated}.\n\n" + "\n".join(lines) + "\n"
        )


def sweep(
    name: str,
    *,
    splits: Sequence[int] = (),
    shots: Sequence[int],
    seeds: Sequence[int],
    same_boxes: bool = False,
    bases: Sequence[Path | str] = (),
    choices: Mapping[str, Any] | None = None,
    changes: Mapping[str, Any] | None = None,
    pcb: Path | str | None = None,
    out: Path | str | None = None,
    device: str | None = None,
    reporter: Reporter | None = None,
) -> Sweep:
    """Run the novel stage of ``name`` for every split, K and seed; finished runs are kept.

    splits: of VOC; none for a family that has none. bases: the weights to start from, one a
    split (or one for all). same_boxes: seeds repeat the training on the boxes of list 0, as
    published for a head of novel classes; otherwise each is another list of boxes. choices,
    changes: as for ``recipe``. Every recipe is built before the first run, so that a mistake
    costs nothing.
    """
    reporter = reporter or SilentReporter()
    root = Path(out) if out is not None else RUNS / f"sweep-{name.replace('/', '-')}"
    require_writable(root / TABLE)
    rows: list[int | None] = list(splits) or [None]
    if len(bases) not in (0, 1, len(rows)):
        raise ConfigError(
            "give one base for all splits, or one for each",
            field="from",
            got=len(bases),
            expected=f"1 or {len(rows)}",
        )
    planned = {
        (split, shot, seed): _recipe(name, split, shot, seed, same_boxes, choices, changes)
        for split, shot, seed in product(rows, shots, seeds)
    }
    base_of = dict(zip(rows, list(bases) * (len(rows) if len(bases) == 1 else 1), strict=False))
    figures: dict[tuple[int | None, int], list[dict[str, float]]] = {}
    for (split, shot, seed), chosen in track(list(planned.items()), reporter, "runs"):
        folder = root / f"split{split or 0}" / f"{shot}shot" / f"seed{seed}"
        results = _finished(folder)
        if results is None:
            base = base_of.get(split)
            trained = train(
                name, chosen, out=folder, base=base, pcb=pcb, device=device, reporter=reporter
            )
            results = dict(trained.results)
        figures.setdefault((split, shot), []).append(results)
    cells = tuple(
        Cell(split, shot, summarise(runs, repetition=REPETITIONS[same_boxes]))
        for (split, shot), runs in figures.items()
    )
    done = Sweep(root, _metric(next(iter(planned.values()))), cells)
    write_json(root / FIGURES, [cell.to_json() for cell in cells])
    write_text(root / TABLE, done.to_markdown())
    return done


def _recipe(
    name: str,
    split: int | None,
    shots: int,
    seed: int,
    same_boxes: bool,
    choices: Mapping[str, Any] | None,
    changes: Mapping[str, Any] | None,
) -> AnyRecipe:
    chosen = {
        "stage": "novel",
        "shots": shots,
        "seed": 0 if same_boxes else seed,
        **(choices or {}),
    }
    if split is not None:
        chosen["split"] = split
    return recipe(name, choices=chosen, changes={"train.seed": seed, **(changes or {})})


def _finished(folder: Path) -> dict[str, float] | None:
    """Return the results of a run that ended, or None."""
    place = folder / RESULTS
    if not place.exists():
        return None
    saved = read_json(place)
    return dict(saved["results"]) if isinstance(saved, dict) and "results" in saved else None


def _metric(chosen: AnyRecipe) -> str:
    rules = getattr(chosen, "evaluate", None)
    return rules.metric if isinstance(rules, FewShotEvaluation) else "AP50"


def _entry(cell: Cell, metric: str) -> str:
    interval = cell.summary.intervals.get(metric)
    if interval is None:
        return "–"
    half = interval.half_width
    spread = "" if half is None else f" ± {100 * half:.1f}"
    return f"{100 * interval.mean:.1f}{spread} ({interval.count})"
