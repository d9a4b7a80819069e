"""Memory of training on a CPU: freed tensors are used again instead of going back to the system.

Every step needs the same large tensors. The C library asks the system for each of them anew,
which clears every page: up to a fifth of a step's time.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

GLIBC = "glibc"
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""Parameters of ``mallopt``: free memory from which on, and requests for which, it turns to the
system."""

KEPT = {MMAP_THRESHOLD: 1 << 30, TRIM_THRESHOLD: (1 << 31) - 1}
USUAL = {MMAP_THRESHOLD: 32 << 20, TRIM_THRESHOLD: 64 << 20}
"""In bytes; the usual ones are where the library's own, which move, end up with large tensors."""


@contextmanager
def reused_memory() -> Iterator[None]:
    """Keep memory that is freed inside for what is allocated next; give it back at the end.

    Does nothing where the C library is another than glibc.
    """
    library = _glibc()
    if library is None:
        yield
        return
    try:
        _set(library, KEPT)
        yield
    finally:
        _set(library, USUAL)
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    try:
        version = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):  # systems with another library
        return None
    return ctypes.CDLL(None) if version.startswith(GLIBC) else None


def _set(library: ctypes.CDLL, thresholds: dict[int, int]) -> None:
    for parameter, size in thresholds.items():
        library.mallopt(parameter, size)
