"""What a measurement was made on, and how much memory a process has had at most."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import torch

LINUX_STATUS = Path("/proc/self/status")
LINUX_PROCESSOR = Path("/proc/cpuinfo")


def machine() -> dict[str, str | int]:
    """Return the processor, the threads in use, and the versions that decide about speed."""
    return {
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def processor_name() -> str:
    """Return the processor's model as the system calls it."""
    name = _value_in(LINUX_PROCESSOR, "model name")
    return name or platform.processor() or platform.machine()


def peak_memory() -> int | None:
    """Return the most bytes this process has had in memory, or None where nobody can tell."""
    # On Linux a process inherits from its parent what getrusage calls its own peak.
    high_water = _value_in(LINUX_STATUS, "VmHWM")
    if high_water:
        return int(high_water.split()[0]) * 1024
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _value_in(file: Path, name: str) -> str | None:
    if not file.is_file():
        return None
    for line in file.read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None
