"""What is too dear to be made more than once for all tests."""

from __future__ import annotations

import pytest
from exported_detector import ExportedRun, export_detector


@pytest.fixture(scope="session")
def exported_run(tmp_path_factory: pytest.TempPathFactory) -> ExportedRun:
    """A detector that ``handful export`` wrote; takes some twenty seconds."""
    return export_detector(tmp_path_factory.mktemp("exported"))
