from __future__ import annotations

from pathlib import Path

import pytest
import torch

from handful.bench import machine as module
from handful.bench.machine import machine, peak_memory, processor_name


def test_machine_says_what_decides_about_speed() -> None:
    found = machine()
    assert found["threads"] == torch.get_num_threads()
    assert found["torch"] == torch.__version__
    assert found["processor"]


def test_linux_tells_processor_and_peak_in_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, processor = tmp_path / "status", tmp_path / "cpuinfo"
    status.write_text("Name:\tpython\nVmHWM:\t  2048 kB\n", encoding="utf-8")
    processor.write_text("processor\t: 0\nmodel name\t: Some CPU @ 2: 3\n", encoding="utf-8")
    monkeypatch.setattr(module, "LINUX_STATUS", status)
    monkeypatch.setattr(module, "LINUX_PROCESSOR", processor)
    assert peak_memory() == 2048 * 1024
    assert processor_name() == "Some CPU @ 2: 3"


def test_without_these_files_others_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINUX_STATUS", tmp_path / "none")
    monkeypatch.setattr(module, "LINUX_PROCESSOR", tmp_path / "none")
    assert processor_name()
    peak = peak_memory()
    assert peak is None or peak > 10 * 2**20
    monkeypatch.setattr(module.sys, "platform", "win32")
    assert peak_memory() is None
