"""What only real processes show: a run that is killed, and a run shared by two."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tiny_refinement
import tiny_training
import torch
from safetensors.torch import load_file
from tiny_training import SETTINGS, TinyTask, run_in

from handful.train.log import read_log

pytestmark = pytest.mark.integration
PROGRAM = tiny_training.__file__
LIMIT = 300
"""Seconds; for a machine that has much else to do."""


def arguments(folder: Path, changes: dict[str, Any], task: dict[str, Any]) -> list[str]:
    return [PROGRAM, str(folder), json.dumps(changes), json.dumps(task)]


@contextmanager
def started(*words: str, stop: signal.Signals) -> Iterator[subprocess.Popen[str]]:
    """Start Python, and ``stop`` it when the block ends, if it has not ended itself."""
    process = subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(stop)
        process.wait()


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "last.safetensors")


def lines_of(log: Path) -> int:
    return len(log.read_text().splitlines()) if log.exists() else 0


def test_a_killed_run_ends_bit_for_bit_where_an_uninterrupted_one_does(tmp_path: Path):
    changes = {"steps": 40, "checkpoint_every": 3, "ema": 0.9}
    settings = replace(SETTINGS, **changes)
    run_in(tmp_path / "whole", settings)
    line = random.Random(os.getpid()).randrange(6, 36)
    words = arguments(tmp_path / "cut", changes, {"pause": 0.05})
    with started(*words, stop=signal.SIGKILL) as process:
        deadline = time.monotonic() + LIMIT
        while lines_of(tmp_path / "cut" / "log.jsonl") < line and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert process.returncode == -signal.SIGKILL, "the run ended before it could be killed"
    made = read_log(tmp_path / "cut" / "log.jsonl")["step"][-1]
    run_in(tmp_path / "cut", settings)
    resumed = read_log(tmp_path / "cut" / "log.jsonl", "start")["step"][-1]
    assert 0 < resumed <= made < 40
    one, other = weights_of(tmp_path / "whole"), weights_of(tmp_path / "cut")
    assert all(torch.equal(one[key], other[key]) for key in one), f"killed at line {line}"
    logs = [read_log(tmp_path / name / "log.jsonl")["total"] for name in ("whole", "cut")]
    assert logs[0] == logs[1]


def test_two_processes_equal_one_that_accumulates_their_parts(tmp_path: Path):
    settings = replace(SETTINGS, accumulate=2)
    run_in(tmp_path / "one", settings, TinyTask(parts=2, scores=(0.5,)))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    words = arguments(tmp_path / "two", {}, {"parts": 2, "scores": [0.5]})
    # Told to end, the launcher ends its two; killed, it would leave them behind.
    with started(*launch, *words, stop=signal.SIGTERM) as both:
        said, complained = both.communicate(timeout=LIMIT)
    assert both.returncode == 0, complained
    assert said == "" and "lightning" not in complained.lower()
    one, two = (read_log(tmp_path / name / "log.jsonl") for name in ("one", "two"))
    assert len(two["total"]) == SETTINGS.steps
    for name in ("total", "half", "gradient"):
        assert two[name] == pytest.approx(one[name], abs=1e-5)
    ours, theirs = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    assert max(float((ours[key] - theirs[key]).abs().max()) for key in ours) < 1e-5
    assert json.loads((tmp_path / "two" / "results.json").read_text())["best"] == 0.5
    assert read_log(tmp_path / "two" / "log.jsonl", "start")["processes"] == [2]


def test_pictures_and_objects_are_shared_by_two_processes_as_by_two_parts(tmp_path: Path):
    tiny_refinement.run_in(tmp_path / "one", replace(tiny_refinement.SETTINGS, accumulate=2))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    words = [tiny_refinement.__file__, str(tmp_path / "two")]
    with started(*launch, *words, stop=signal.SIGTERM) as both:
        _, complained = both.communicate(timeout=LIMIT)
    assert both.returncode == 0, complained
    one, two = (read_log(tmp_path / name / "log.jsonl") for name in ("one", "two"))
    names = [name for name in one if name not in ("time", "seconds")]
    assert {"total", "rpn_objectness", "crop_objectness", "crop_classes", "gradient"} <= set(names)
    for name in names:
        assert two[name] == pytest.approx(one[name], rel=1e-4, abs=1e-5), name
    ours, theirs = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    assert max(float((ours[key] - theirs[key]).abs().max()) for key in ours) < 1e-5
