from __future__ import annotations

from pathlib import Path

import pytest
from full_disk import room_for

from handful.errors import DataError
from handful.train.log import EventLog, read_log


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    log = EventLog(tmp_path / "log.jsonl")
    for step in range(1, 5):
        log.write("step", step, {"total": 1 / step})
        if step % 2 == 0:
            log.write("evaluation", step, {"ap": step, **({"ap50": 0.5} if step == 4 else {})})
    return log


def test_events_are_read_as_columns(log: EventLog):
    assert read_log(log.path)["total"] == [1, 1 / 2, 1 / 3, 1 / 4]
    evaluations = read_log(log.path, "evaluation")
    assert evaluations["step"] == [2, 4] and evaluations["ap50"] == [None, 0.5]
    assert read_log(log.path, "plateau") == {}


def test_resuming_forgets_what_came_after(log: EventLog):
    log.resume(2)
    assert read_log(log.path)["step"] == [1, 2] and read_log(log.path, "evaluation")["ap"] == [2]
    log.resume(0)
    assert log.path.read_text() == ""


def test_a_line_cut_by_a_killed_process_is_dropped(log: EventLog):
    whole = log.path.read_text()
    for cut in ('{"event": "step", "st', '{"event": "step", "step": 2}', "\x00\x00"):
        log.path.write_text(whole + cut)
        assert read_log(log.path)["step"] == [1, 2, 3, 4]
        log.resume(4)
        assert log.path.read_text() == whole


def test_a_log_that_cannot_be_written_is_a_data_error(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot write.*log\.jsonl"):
        EventLog(tmp_path / "file" / "log.jsonl").write("step", 1)


def test_a_full_disk_is_a_data_error_and_the_cut_line_is_dropped(log: EventLog):
    whole = log.path.read_text()
    with room_for(len(whole) + 10), pytest.raises(DataError, match=r"cannot write.*log\.jsonl"):
        log.write("step", 5)
    assert log.path.read_text() != whole
    log.resume(5)
    assert log.path.read_text() == whole


def test_a_missing_log_is_a_data_error(tmp_path: Path):
    with pytest.raises(DataError, match="there is no log"):
        read_log(tmp_path / "log.jsonl")
