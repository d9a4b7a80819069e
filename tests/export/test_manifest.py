from __future__ import annotations

import json

import pytest
from drawn_set import drawn_set
from exported_detector import lite_card

from handful.errors import DataError
from handful.export.manifest import META, Manifest, open_folder, read_manifest
from handful.export.prepare import plan


@pytest.fixture
def manifest() -> Manifest:
    return plan(drawn_set([(0, 0), (1, 1)]), lite_card())


def test_a_manifest_comes_back_from_its_folder(tmp_path, manifest):
    open_folder(tmp_path / "run", manifest)
    assert read_manifest(tmp_path / "run", "inputs") == manifest
    outputs = manifest.as_outputs(manifest.card, graph="abc")
    open_folder(tmp_path / "raw", outputs)
    assert read_manifest(tmp_path / "raw", "outputs") == outputs


def test_the_same_run_goes_on_and_another_is_refused(tmp_path, manifest):
    open_folder(tmp_path, manifest)
    open_folder(tmp_path, manifest)
    other = plan(drawn_set([(0, 0)]), manifest.card)
    with pytest.raises(DataError, match="not empty"):
        open_folder(tmp_path, other)


def test_a_folder_with_anything_else_is_refused(tmp_path, manifest):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(DataError, match="not empty"):
        open_folder(tmp_path, manifest)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_folder_of_another_part_is_refused(tmp_path, manifest):
    open_folder(tmp_path, manifest)
    with pytest.raises(DataError, match=r"got inputs, expected outputs.*export-run infer"):
        read_manifest(tmp_path, "outputs")
    with pytest.raises(DataError, match=r"export-run preprocess"):
        read_manifest(tmp_path / "nowhere", "inputs")


def spoil(content: dict, *path: str | int, value: object) -> dict:
    place = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return content


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("pictures",), {}),
        (("pictures",), [3]),
        (("pictures", 0, "id"), "one"),
        (("pictures", 0, "size"), [1, 2, 3]),
        (("pictures", 0, "file"), "../../secret.npy"),
        (("card",), None),
        (("card", "mean"), "red"),
        (("kind",), "other"),
        (("more",), 1),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_description_that_makes_no_sense_is_refused(tmp_path, manifest, path, value):
    content = spoil(manifest.to_json(), *path, value=value)
    (tmp_path / META).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=r"meta\.json"):
        read_manifest(tmp_path, "inputs")
