"""Devices, precision and processes; the only place that knows Lightning Fabric."""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import os
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, Literal, TypeVar

import numpy
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from handful.errors import ConfigError

Thing = TypeVar("Thing")
LONGEST_WAIT = timedelta(hours=12)
"""How long processes wait for the one that evaluates or saves."""
_MIXED: dict[str, Literal["bf16-mixed", "16-mixed"]] = {"bf16": "bf16-mixed", "fp16": "16-mixed"}


def process_rank() -> int:
    """Return the number of this process among those that ``torchrun`` started, else 0."""
    return int(os.environ.get("RANK", 0)) if _started_by_torchrun() else 0


def process_count() -> int:
    """Return how many processes ``torchrun`` started on all machines, else 1."""
    return int(os.environ.get("WORLD_SIZE", 1)) if _started_by_torchrun() else 1


class Runtime:
    """Where training runs: one device in one process, or one in each that torchrun started.

    precision: "32", "bf16" or "fp16", of the forward pass; weights stay float32. device:
    "auto" takes a CUDA device where there is one; "cuda:1" is for one process alone. Raises
    ``ConfigError`` for a device that is not there.
    """

    def __init__(self, precision: str = "32", device: str = "auto") -> None:
        self.rank, self.processes = process_rank(), process_count()
        self.precision = precision
        self.fabric = _fabric(precision, _chosen_device(device))
        self.fabric.launch()
        if self.processes > 1:
            atexit.register(_leave_group)
        self.device: torch.device = self.fabric.device

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and tells."""
        return self.rank == 0

    @property
    def scales_losses(self) -> bool:
        """Whether gradients may overflow now and then, as they do in half precision."""
        return self.precision == "fp16"

    def prepare(self, module: nn.Module, optimizer: Optimizer) -> tuple[nn.Module, Any]:
        """Move ``module`` to the device; return it and ``optimizer``, wrapped for training."""
        with warnings.catch_warnings():  # newer torch has another name for it
            warnings.filterwarnings("ignore", message=".*broadcast_buffers.*")
            return self.fabric.setup(module, optimizer)

    def to_device(self, thing: Thing) -> Thing:
        """Return ``thing``, tensors or what has a method ``to``, on the device."""
        return self.fabric.to_device(thing)

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of ``loss``."""
        self.fabric.backward(loss)

    def unsynchronised(self, module: nn.Module) -> AbstractContextManager[None]:
        """Let gradients add up in this process alone, for all parts of a step but its last."""
        if self.processes == 1:
            return contextlib.nullcontext()
        return self.fabric.no_backward_sync(module)  # type: ignore[arg-type]

    def clip(self, module: nn.Module, optimizer: Any, largest: float | None) -> Tensor:
        """Scale gradients to a norm of at most ``largest``; return the norm before that."""
        limit = math.inf if largest is None else largest
        norm = self.fabric.clip_gradients(
            module, optimizer, max_norm=limit, error_if_nonfinite=False
        )
        return torch.as_tensor(norm)

    def mean(self, figures: Mapping[str, Tensor]) -> dict[str, float]:
        """Return the mean of each figure over all processes."""
        values = torch.stack([value.detach().float() for value in figures.values()])
        if self.processes > 1:
            values = self.fabric.all_reduce(values, reduce_op="mean")
        return dict(zip(figures, torch.as_tensor(values).tolist(), strict=True))

    def broadcast(self, thing: Thing) -> Thing:
        """Return what the main process holds."""
        return self.fabric.broadcast(thing) if self.processes > 1 else thing

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.processes > 1:
            self.fabric.barrier()

    def gather(self, thing: Thing) -> list[Thing]:
        """Return what each process holds, in their order."""
        if self.processes == 1:
            return [thing]
        things: list[Any] = [None] * self.processes
        torch.distributed.all_gather_object(things, thing)
        return things

    def state_dict(self) -> dict[str, Any]:
        """Return what precision needs to go on: the scale of the losses."""
        return self.fabric.strategy.precision.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state_dict`` gave."""
        self.fabric.strategy.precision.load_state_dict(dict(state))


def seed_part(seed: int, *, step: int, part: int) -> None:
    """Make torch's chance a function of seed, step and part of the step alone.

    part: counted over all processes. So training needs no state of chance to be resumed, and N
    processes draw what one process draws that runs the same N parts.
    """
    mixed = numpy.random.SeedSequence((seed, step, part)).generate_state(1, numpy.uint64)
    torch.manual_seed(int(mixed[0]))


def _leave_group() -> None:
    """End talk between processes before the interpreter goes, whose end may abort its threads."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _fabric(precision: str, device: torch.device) -> Any:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
    from lightning_fabric.plugins.precision.amp import MixedPrecision
    from lightning_fabric.plugins.precision.precision import Precision
    from lightning_fabric.strategies.ddp import DDPStrategy

    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # its import sets it to INFO
    count, mixed = process_count(), _MIXED.get(precision)
    # Given by name, Fabric would quietly turn fp16 into bf16 on a CPU.
    numbers = MixedPrecision(mixed, device.type) if mixed else Precision()
    if count == 1:
        return Fabric(
            accelerator=device.type,
            devices=1 if device.index is None else [device.index],
            plugins=[LightningEnvironment(), numbers],
        )
    return Fabric(
        accelerator=device.type,
        devices=_processes_here(),
        num_nodes=count // _processes_here(),
        plugins=[TorchElasticEnvironment(), numbers],
        strategy=DDPStrategy(
            process_group_backend="nccl" if device.type == "cuda" else "gloo",
            timeout=LONGEST_WAIT,
            find_unused_parameters=True,
            broadcast_buffers=False,
        ),
    )


def _chosen_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise ConfigError("training knows no such device", got=name, expected="cpu or cuda")
    needed = max(_processes_here(), 1 + (device.index or 0))
    if device.type == "cuda" and torch.cuda.device_count() < needed:
        raise ConfigError(
            "there are not enough CUDA devices",
            got=torch.cuda.device_count(),
            expected=f"{needed} or more, one a process",
            remedy="Start fewer processes, or train on the CPU",
        )
    return device


def _processes_here() -> int:
    return int(os.environ["LOCAL_WORLD_SIZE"]) if process_count() > 1 else 1


def _started_by_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ
