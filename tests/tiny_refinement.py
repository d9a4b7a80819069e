"""A small MPSR that learns from pictures and objects; run as a program, in a folder it is given."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file
from torch import nn

from handful.data.dataset import BoxTable, Dataset, Picture
from handful.data.objects import TwinPart, TwinReader
from handful.methods.mpsr.lite import LITE_CONFIG
from handful.methods.mpsr.model import MPSR
from handful.methods.mpsr.stream import learning_stream
from handful.recipes.settings import TrainSettings
from handful.recipes.tree import to_dict
from handful.structures import Batch
from handful.train.detection import DetectionTask
from handful.train.loop import train
from handful.train.run import RunFolder
from handful.train.runtime import process_count, process_rank

SIDE = 64
BOXES = ((6.0, 8.0, 30.0, 28.0), (28.0, 30.0, 60.0, 56.0))
SETTINGS = TrainSettings(steps=3, batch=4, lr=0.01, seed=4, checkpoint_every=0)
CONFIG = replace(
    LITE_CONFIG,
    class_names=("disc", "bar"),
    train_short_sides=(SIDE,),
    crops=((16, 0, 0, 0), (32, 1, 0, 1)),
    fpn_channels=16,
    dense_channels=32,
    roi_batch=8,
    proposals_before_nms=(40, 40),
    proposals_after_nms=(20, 20),
)


def drawn(shade: int) -> Image.Image:
    """Return a picture with a disc and a bar."""
    picture = Image.new("RGB", (SIDE, SIDE), (shade, 120, 110))
    pen = ImageDraw.Draw(picture)
    pen.ellipse(BOXES[0], fill=(230, 30, shade))
    pen.rectangle(BOXES[1], fill=(shade, 40, 220))
    return picture


def pictures(count: int = 6) -> Dataset:
    """Return pictures with both objects each."""
    table = BoxTable.of(
        [at for at in range(count) for _ in BOXES], list(BOXES) * count, [0, 1] * count
    )
    shown = tuple(
        Picture(at, f"{at}.png", SIDE, SIDE, partial(drawn, 20 * at)) for at in range(count)
    )
    return Dataset("drawn", shown, table, CONFIG.class_names)


def write(model: nn.Module, path: Path) -> None:
    """Write all weights; the trunk keeps some channels last, which files cannot."""
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)


@contextmanager
def stopped_after(batches: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Press Ctrl-C when so many batches of pictures and objects have been read."""
    read, count = TwinReader.batch, iter(range(batches))

    def batch(reader: TwinReader, part: TwinPart) -> Batch:
        if next(count, None) is None:
            raise KeyboardInterrupt
        return read(reader, part)

    with monkeypatch.context() as patched:
        patched.setattr(TwinReader, "batch", batch)
        yield


def run_in(folder: Path, settings: TrainSettings = SETTINGS) -> None:
    """Train in ``folder``, in as many processes as there are."""
    torch.manual_seed(settings.seed)
    network = MPSR(CONFIG)
    stream = learning_stream(
        pictures(), CONFIG, settings=settings, rank=process_rank(), world=process_count()
    )
    run = RunFolder.open(folder, to_dict(settings), write_weights=write)
    train(DetectionTask(network, stream), settings, run=run, device="cpu")


if __name__ == "__main__":
    torch.set_num_threads(1)
    run_in(Path(sys.argv[1]))
