"""Model surgery against the original's tool, run as a program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy
import pytest
import torch
from defrcn_reference import KINDS
from golden_cases import file_params
from torch import Tensor

from handful.data.splits.divisions import class_division
from handful.methods.defrcn.keys import OFFICIAL_HEAD
from handful.methods.defrcn.recipes import voc_recipe
from handful.methods.surgery import grow_head, head_classes, remove_head

pytestmark = pytest.mark.golden

MODEL, ITERATION = "model", "iteration"
HEAD = OFFICIAL_HEAD.classes.rpartition(".")[0] + "."


@dataclass(frozen=True)
class Surgery:
    """One checkpoint of one family, and what the original made of it."""

    family: str
    state: dict[str, Tensor]
    expected: dict[str, numpy.ndarray]

    def grown(self) -> dict[str, Tensor]:
        # Only VOC's novel classes come last; every split of them then has the same rows.
        division = class_division("coco" if self.family.startswith("coco") else "voc1")
        return grow_head(
            self.state,
            OFFICIAL_HEAD,
            base=division.base,
            classes=division.everything,
            generator=torch.Generator().manual_seed(0),
        )


def surgeries(file: Path) -> list[Surgery]:
    with numpy.load(file, allow_pickle=False) as archive:
        arrays = dict(archive)
    found = []
    for family in sorted({key.partition("_in/")[0] for key in arrays if "_in/" in key}):
        state = {
            key.removeprefix(f"{family}_in/"): torch.from_numpy(value)
            for key, value in arrays.items()
            if key.startswith(f"{family}_in/")
        }
        expected = {
            key.removeprefix(f"{family}_"): value
            for key, value in arrays.items()
            if key.startswith(f"{family}_") and not key.startswith(f"{family}_in/")
        }
        found.append(Surgery(family, state, expected))
    assert found
    return found


@pytest.mark.parametrize("file", file_params("defrcn", "surgery", KINDS))
def test_surgery_keeps_the_same_entries(file):
    for case in surgeries(file):
        results = {"remove": remove_head(case.state, OFFICIAL_HEAD), "randinit": case.grown()}
        for operation, state in results.items():
            assert sorted(state) == sorted(case.expected[f"{operation}_keys"].tolist())
            untouched = set(state) - set(OFFICIAL_HEAD.entries())
            assert all(torch.equal(state[name], case.state[name]) for name in untouched)
        assert head_classes(results["remove"], OFFICIAL_HEAD) is None


@pytest.mark.parametrize("file", file_params("defrcn", "surgery", KINDS))
def test_the_grown_head_has_the_same_rows(file):
    for case in surgeries(file):
        grown = case.grown()
        start = "randinit_rows/"
        names = [key.removeprefix(start) for key in case.expected if key.startswith(start)]
        assert {HEAD + name for name in names} == set(OFFICIAL_HEAD.entries())
        for name in names:
            rows = case.expected[start + name]
            ours, old = grown[HEAD + name], case.state[HEAD + name]
            assert list(ours.shape) == case.expected[f"randinit_shape/{name}"].tolist()
            kept = torch.from_numpy(rows >= 0)
            assert torch.equal(ours[kept], old[torch.from_numpy(rows[rows >= 0]).long()])
            if name.endswith("bias"):
                assert torch.equal(ours, torch.from_numpy(case.expected[f"randinit/{name}"]))
            else:
                fresh = ours[~kept]
                assert float(fresh.std()) == pytest.approx(0.01, rel=0.4)
                assert float(fresh.abs().max()) < 0.06


@pytest.mark.parametrize("file", file_params("defrcn", "surgery", KINDS))
def test_only_weights_go_on_and_training_starts_over(file):
    for case in surgeries(file):
        for operation in ("remove", "randinit"):
            assert set(case.expected[f"{operation}_top_keys"].tolist()) == {MODEL, ITERATION}
            left_at = int(case.expected[f"{operation}_iteration"][0])
            ours = voc_recipe(stage="novel", shots=1)
            theirs = voc_recipe(stage="novel", shots=1, original_start=True)
            # The original goes on with the iteration after the one that the file names.
            assert ours.train.steps - theirs.train.steps == left_at + 1
