"""A batch learnt from by one process, or in halves by two that share their normalisers.

As a program: rank, number of processes, a folder for what they share.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import Tensor, distributed

from handful.methods.o2f.config import O2FConfig
from handful.methods.o2f.model import O2F
from handful.structures import Targets

SIDE, PICTURES = 64, 4
CONFIG = O2FConfig(
    ("a", "b"),
    trunk="efficientnet_lite0",
    norm="frozen",
    channels=16,
    tower_depth=1,
    quality_channels=16,
    group_count=4,
)


def gradients(rank: int, world: int) -> dict[str, Tensor]:
    """Return the gradients of the part of process ``rank`` of ``world``."""
    torch.manual_seed(0)
    network = O2F(CONFIG).train()
    images = torch.randn(PICTURES, 3, SIDE, SIDE)
    near = 8 + 20 * torch.rand(PICTURES, 3, 2)
    boxes = torch.cat([near, near + 10 + 20 * torch.rand(PICTURES, 3, 2)], dim=2)
    # Unequal numbers of objects, or the mean over processes would not be told from a process's own.
    targets = [
        Targets.of(boxes[n][: n // 2 * 2 + 1], torch.arange(3)[: n // 2 * 2 + 1] % 2, (SIDE, SIDE))
        for n in range(PICTURES)
    ]
    own = slice(rank * PICTURES // world, (rank + 1) * PICTURES // world)
    sizes = torch.tensor([[SIDE, SIDE]] * PICTURES)
    losses = network.loss(network(images[own], sizes[own]), targets[own], progress=0.5)
    losses["total"].backward()
    return {name: one.grad for name, one in network.named_parameters() if one.grad is not None}


def main(rank: int, world: int, folder: Path) -> None:
    """Write the gradients of one of several processes."""
    torch.set_num_threads(1)
    store = f"file://{folder / 'store'}"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=world)
    torch.save(gradients(rank, world), folder / f"{rank}.pt")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
