"""What is too dear to be made more than once for all tests."""

from __future__ import annotations

import pytest
from exported_detector import ExportedNano, ExportedRun, export_detector, export_nano


@pytest.fixture(scope="session")
def exported_run(tmp_path_factory: pytest.TempPathFactory) -> ExportedRun:
    """A two-stage detector that ``handful export`` wrote; takes some twenty seconds."""
    return export_detector(tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="session")
def exported_nano(tmp_path_factory: pytest.TempPathFactory) -> ExportedNano:
    """A YOLOX with its graph; takes some twenty seconds."""
    return export_nano(tmp_path_factory.mktemp("nano"))
