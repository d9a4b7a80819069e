"""What a detector learns from, in one process and in several."""

from __future__ import annotations

from pathlib import Path

import pytest
from few_boxes import write_support

from handful.data.formats import read_dataset
from handful.data.transforms import InputRule, ShortSide
from handful.recipes.settings import TrainSettings
from handful.train.detection import training_stream


def parts(folder: Path, settings: TrainSettings, *, steps: int) -> list[tuple[int, ...]]:
    """Return the pictures of the first batches of this process."""
    dataset = read_dataset(folder / "support.json")
    stream = training_stream(dataset, ShortSide((32,)), InputRule(), settings=settings)
    batches = stream.batches(0)
    return [next(batches).pictures for _ in range(steps * settings.accumulate)]


def test_processes_share_what_one_process_learns_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_support(tmp_path, pictures=6)
    alone = parts(tmp_path, TrainSettings(batch=4, accumulate=2), steps=3)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "29500")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "test")
    for rank in range(2):
        monkeypatch.setenv("RANK", str(rank))
        assert parts(tmp_path, TrainSettings(batch=4), steps=3) == alone[rank::2]
