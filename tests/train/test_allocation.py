from __future__ import annotations

import pytest
import torch

import handful.train.allocation as allocation
from handful.train.allocation import KEPT, USUAL, reused_memory

VALUES = 8 << 20
TIMES = 12


class Library:
    """Writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def mallopt(self, *words: int) -> None:
        self.asked.append(words)

    def malloc_trim(self, *words: int) -> None:
        self.asked.append(words)


def test_thresholds_rise_inside_and_come_back_after_errors_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = Library()
    monkeypatch.setattr(allocation, "_glibc", lambda: library)
    with pytest.raises(KeyError), reused_memory():
        assert library.asked == list(KEPT.items())
        raise KeyError
    assert library.asked == [*KEPT.items(), *USUAL.items(), (0,)]


def test_other_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocation, "_glibc", lambda: None)
    with reused_memory():
        pass
    with pytest.raises(KeyError), reused_memory():
        raise KeyError


@pytest.mark.skipif(allocation._glibc() is None, reason="only glibc can be told so")
def test_freed_memory_is_used_again() -> None:
    import resource  # not on Windows

    def new_pages() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.ones(VALUES)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with reused_memory():
        fewest = min(new_pages() for _ in range(TIMES))
    assert fewest * resource.getpagesize() < VALUES // 100
