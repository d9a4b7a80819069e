"""What is too dear to be made more than once for all tests."""

from __future__ import annotations

import pytest
from exported_detector import ExportedRun, export_detector


@pytest.fixture(scope="session")
def exported_run(tmp_path_factory: pytest.TempPathFactory) -> ExportedRun:
    """A detector that ``handful export`` wrote; takes some twenty seconds."""
    return export_detector(tmp_path_factory.mktemp("exported"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests that share what is dear in one process: ``--dist loadgroup`` does the rest."""
    for item in items:
        if exported_run.__name__ in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(exported_run.__name__))
