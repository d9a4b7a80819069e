"""The folder of a run: what was asked, what happened, what came out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from torch import nn

from handful.errors import ConfigError, DataError
from handful.files import read_json, write_json
from handful.recipes.tree import differences
from handful.recipes.values import form_value
from handful.train.log import EventLog
from handful.train.runtime import process_rank
from handful.train.tensorboard import TensorBoardLog
from handful.train.writing import explained_writing

RECIPE, SHOTS, RESULTS = "recipe.json", "shots.json", "results.json"
LOG, CHECKPOINT = "log.jsonl", "checkpoint.pt"
BEST, LAST = "best.safetensors", "last.safetensors"
PROTOTYPES, EXAMPLES = "prototypes.safetensors", "examples.safetensors"
SCORES, PAGE = "scores.json", "index.html"
OWN_FILES = (
    RECIPE,
    SHOTS,
    RESULTS,
    LOG,
    CHECKPOINT,
    BEST,
    LAST,
    PROTOTYPES,
    EXAMPLES,
    SCORES,
    PAGE,
)
LEFTOVERS = tuple(f".{Path(name).stem}-*" for name in OWN_FILES)
"""Temporary files of ``handful.files.replacing``: a process that was killed leaves them."""
BOARD = "tensorboard"
SHOWN = 3

WriteWeights = Callable[[nn.Module, Path], object]


class RunFolder:
    """A folder that holds one run of one recipe, and nothing of another.

    path: the folder. log: its diary. Only the main process writes. write_weights: puts a
    model into a file. refresh: called when there is something new to show, to draw curves.
    tensorboard: whether figures go there as well.
    """

    def __init__(
        self,
        path: Path,
        *,
        write_weights: WriteWeights | None = None,
        refresh: Callable[[RunFolder], object] | None = None,
        tensorboard: bool = False,
    ) -> None:
        self.path, self.log = path, EventLog(path / LOG)
        self.write_weights, self.refresh = write_weights, refresh
        self.tensorboard = tensorboard
        self.board: TensorBoardLog | None = None

    @classmethod
    def open(
        cls,
        path: Path | str,
        recipe: Mapping[str, Any],
        *,
        overwrite: bool = False,
        write_weights: WriteWeights | None = None,
        refresh: Callable[[RunFolder], object] | None = None,
        tensorboard: bool = False,
    ) -> Self:
        """Start a run of ``recipe``, as ``to_dict`` gives it, or go on with one.

        Raises ``ConfigError`` if the folder holds a run of another recipe, unless
        ``overwrite``, which removes what a run writes and nothing more; and always if it holds
        other things but no run.
        """
        folder = cls(
            Path(path), write_weights=write_weights, refresh=refresh, tensorboard=tensorboard
        )
        if process_rank() == 0:
            folder._claim(form_value(recipe), overwrite=overwrite)
        return folder

    @property
    def checkpoint(self) -> Path:
        """The file from which training resumes, if it is there."""
        return self.path / CHECKPOINT

    @property
    def best(self) -> Path:
        """The weights with the best evaluation, if there was one."""
        return self.path / BEST

    @property
    def last(self) -> Path:
        """The weights after the last good update."""
        return self.path / LAST

    def keep(self, name: str, document: Any) -> None:
        """Write ``document`` as JSON, once: a resumed run must bring the same.

        For what the run depends on beside its recipe, such as the exact boxes it learns from.
        Raises ``ConfigError`` if the folder holds another one.
        """
        if process_rank():
            return
        place = self.path / name
        if place.exists() and read_json(place) != form_value(document):
            raise ConfigError(
                "this run began with other data",
                file=place,
                remedy="Name another folder, or overwrite this one",
            )
        self.write(name, document)

    def write(self, name: str, document: Any) -> None:
        """Write ``document`` as JSON in place of what was there."""
        if process_rank() == 0:
            with explained_writing(self.path / name):
                write_json(self.path / name, document)

    def begin(self, step: int) -> None:
        """Make the diary end at update ``step``, from which the run goes on."""
        if process_rank() == 0:
            self.log.resume(step)
            if self.tensorboard and self.board is None:
                self.board = TensorBoardLog(self.path / BOARD, start=step)

    def tell(self, event: str, step: int, values: Mapping[str, Any]) -> None:
        """Put an event into the diary; ``step`` is how many updates had been made."""
        if process_rank() == 0:
            self.log.write(event, step, values)
            if self.board is not None:
                self.board.write(event, step, values)

    def save_weights(self, model: nn.Module, place: Path) -> None:
        """Write ``model`` to ``place``, if the run was told how."""
        if self.write_weights is not None and process_rank() == 0:
            with explained_writing(place):
                self.write_weights(model, place)

    def show(self) -> None:
        """Let whoever draws curves and pages do so."""
        if self.refresh is not None and process_rank() == 0:
            self.refresh(self)

    def _claim(self, recipe: Mapping[str, Any], *, overwrite: bool) -> None:
        place = self.path / RECIPE
        if not place.exists():
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                raise ConfigError(
                    "the folder of the run holds other files already",
                    file=self.path,
                    remedy="Name another folder",
                )
            write_json(place, recipe)
            return
        if overwrite:
            self._remove(*LEFTOVERS, f"{BOARD}/events.*", *OWN_FILES[1:])
            write_json(place, recipe)  # last, so that no old checkpoint meets a new recipe
            return
        saved = read_json(place)
        changed = differences(saved if isinstance(saved, dict) else {}, recipe)
        if changed:
            raise _another_run(place, changed)
        self._remove(*LEFTOVERS)

    def _remove(self, *patterns: str) -> None:
        try:
            for pattern in patterns:
                for file in self.path.glob(pattern):
                    file.unlink(missing_ok=True)
        except OSError as error:
            raise DataError(
                "cannot remove a file of the run", file=self.path, got=error.strerror
            ) from error


def _another_run(place: Path, changed: Mapping[str, tuple[Any, Any]]) -> ConfigError:
    shown = list(changed.items())[:SHOWN]
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    return ConfigError(
        "the folder holds a run of another recipe",
        file=place,
        field=shown[0][0],
        got=", ".join(f"{path} {new}" for path, (_, new) in shown) + more,
        expected=", ".join(f"{path} {old}" for path, (old, _) in shown),
        remedy="Name another folder, or overwrite this one",
    )
