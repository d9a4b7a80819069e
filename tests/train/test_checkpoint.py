from __future__ import annotations

from pathlib import Path

import pytest
import torch
from full_disk import room_for
from torch import nn

from handful.errors import DataError, WeightsError
from handful.train.checkpoint import load_checkpoint, save_checkpoint
from handful.train.progress import Progress


def test_parts_and_progress_come_back(tmp_path: Path):
    model, other = nn.Linear(3, 2), nn.Linear(3, 2)
    progress = Progress(step=7, best=0.5, best_step=5, results={"ap": 0.5})
    save_checkpoint(tmp_path / "c.pt", {"model": model}, progress)
    assert load_checkpoint(tmp_path / "c.pt", {"model": other}) == progress
    assert torch.equal(model.weight, other.weight)


def test_the_previous_checkpoint_survives_a_full_disk(tmp_path: Path):
    model = nn.Linear(300, 300)
    save_checkpoint(tmp_path / "c.pt", {"model": model}, Progress(step=1))
    with room_for(100_000), pytest.raises(DataError, match=r"c\.pt.*previous one is unharmed"):
        save_checkpoint(tmp_path / "c.pt", {"model": model}, Progress(step=2))
    assert load_checkpoint(tmp_path / "c.pt", {"model": model}).step == 1
    assert [file.name for file in tmp_path.iterdir()] == ["c.pt"]


def test_a_folder_that_cannot_be_written_is_a_data_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot write"):
        save_checkpoint(tmp_path / "file" / "c.pt", {}, Progress())


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"cos\nsystem\n(S'true'\ntR."])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "c.pt").write_bytes(content)
    with pytest.raises(WeightsError, match=r"c\.pt"):
        load_checkpoint(tmp_path / "c.pt", {"model": nn.Linear(1, 1)})


def test_a_checkpoint_of_another_model_is_refused(tmp_path: Path):
    save_checkpoint(tmp_path / "c.pt", {"model": nn.Linear(3, 2)}, Progress())
    with pytest.raises(WeightsError, match="cannot resume"):
        load_checkpoint(tmp_path / "c.pt", {"model": nn.Linear(4, 2)})
