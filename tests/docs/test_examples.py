"""The examples in README and docs do what they say: fenced blocks marked ``run`` are run."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from few_boxes import write_support
from PIL import Image
from tiny_detector import logo
from tiny_domains import write_domains

from handful.boxes import box_iou
from handful.cli.main import main
from handful.files import read_json, write_json

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    *(page for room in ("docs", "handful") for page in sorted((ROOT / room).rglob("*.md"))),
]
BLOCK = re.compile(r"^```(python|bash) run\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")
OUTPUTS = ("--json", "--picture", "--detections")
"""Options whose value is a file or folder that the command writes."""

SIDE = 96
CLASSES = ("cola", "tea")


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks_of(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8"))


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    """Stand in a folder with the files that the examples speak of."""
    for label, name in enumerate(CLASSES):
        logo(label, SIDE).save(tmp_path / f"{name}.jpg", quality=95)
    (tmp_path / "shelves").mkdir()
    shelf((160, 80), (40, 30)).save(tmp_path / "shelf.jpg", quality=95)
    shelf((40, 30), (180, 30)).save(tmp_path / "other-shelf.jpg", quality=95)
    shelf((100, 60), (210, 60)).save(tmp_path / "shelves" / "first.jpg", quality=95)
    write_json(tmp_path / "support.json", coco("other-shelf.jpg", (40, 30), (180, 30)))
    write_json(tmp_path / "query.json", coco("shelf.jpg", (160, 80), (40, 30)))
    write_support(tmp_path / "few")
    write_domains(tmp_path / "domains")
    monkeypatch.chdir(tmp_path)


def shelf(*corners: tuple[int, int]) -> Image.Image:
    """Return a grey picture with the first class at the first corner, and so on."""
    picture = Image.new("RGB", (320, 200), (120, 120, 125))
    for label, corner in enumerate(corners):
        picture.paste(logo(label, SIDE), corner)
    return picture


def coco(file_name: str, *corners: tuple[int, int]) -> dict:
    return {
        "images": [{"id": 1, "file_name": file_name, "width": 320, "height": 200}],
        "categories": [{"id": n, "name": name} for n, name in enumerate(CLASSES, start=1)],
        "annotations": [
            {
                "id": label + 1,
                "image_id": 1,
                "category_id": label + 1,
                "bbox": [*corner, SIDE, SIDE],
                "area": SIDE * SIDE,
                "iscrowd": 0,
            }
            for label, corner in enumerate(corners)
        ],
    }


def run_commands(text: str) -> None:
    for line in text.strip().splitlines():
        program, *words = shlex.split(line)
        assert program == "handful"
        assert main(words) == 0, line
        # ``data info --json`` is a switch: what follows it is no file name.
        options = words if words[0] != "data" else []
        written = [after for word, after in pairwise(options) if word in OUTPUTS]
        assert [name for name in written if not Path(name).exists()] == [], line


@pytest.mark.integration
@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)], ids=name_of)
def test_examples_run(page, pictures):
    names: dict[str, object] = {}
    for language, text in blocks_of(page):
        if language == "bash":
            run_commands(text)
        else:
            exec(compile(text, name_of(page), "exec"), names)  # noqa: S102


@pytest.mark.integration
def test_the_first_example_finds_its_object(pictures):
    run_commands(next(text for language, text in blocks_of(PAGES[0]) if language == "bash"))
    found, *others = read_json("found.json")["detections"]
    assert found["name"] == "cola"
    assert all(other["score"] < found["score"] - 0.1 for other in others)
    assert box_iou(torch.tensor([found["box"]]), torch.tensor([[160.0, 80, 256, 176]])) > 0.5


def test_there_are_examples():
    with_examples = {name_of(page) for page in PAGES if blocks_of(page)}
    assert {"README.md", "docs/find-one-thing.md", "docs/data.md"} <= with_examples


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
