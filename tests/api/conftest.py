"""Data sets that several tests of the interface learn from."""

from __future__ import annotations

from pathlib import Path

import pytest
from tiny_domains import write_coco_folder

from handful.data.splits.divisions import COCO_CATEGORY_IDS


@pytest.fixture(scope="session")
def coco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as COCO's, with a few drawn pictures."""
    folder = tmp_path_factory.mktemp("coco")
    write_coco_folder(folder, tuple(COCO_CATEGORY_IDS))
    return folder
