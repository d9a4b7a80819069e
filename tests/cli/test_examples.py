"""Examples as written on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from handful.cli.examples import read_box, read_examples, split_name
from handful.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("crops/cola.jpg", ("cola", Path("crops/cola.jpg"))),
        ("tea=a/b.png", ("tea", Path("a/b.png"))),
        (" green tea =a/b.png", ("green tea", Path("a/b.png"))),
        ("tea=a=b.png", ("tea", Path("a=b.png"))),
    ],
)
def test_names_and_files(text: str, expected: tuple[str, Path]) -> None:
    assert split_name(text) == expected


def test_a_file_may_have_the_sign_in_its_name(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a=b.png").touch()
    assert split_name("a=b.png") == ("a=b", Path("a=b.png"))


@pytest.mark.parametrize("text", ["=a.png", "tea=", ""])
def test_half_an_example_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="without a name or a file"):
        split_name(text)


def test_examples_are_gathered_by_class_with_their_boxes() -> None:
    examples = read_examples(["tea=a.png", "b.png", "tea=c.png"], ["1,2,3,4.5", "whole", "0,0,9,9"])
    assert list(examples) == ["tea", "b"]
    assert [(e.image, e.box) for e in examples["tea"]] == [
        (Path("a.png"), (1, 2, 3, 4.5)),
        (Path("c.png"), (0, 0, 9, 9)),
    ]
    assert examples["b"][0].box is None


@pytest.mark.parametrize(
    ("like", "boxes", "message"),
    [
        ([], ["1,2,3,4"], "1 boxes for 0 examples"),
        (["a.png"], ["1,2,3,4", "whole"], "2 boxes for 1 examples"),
        (["a.png", "b.png"], ["1,2,3,4"], "1 boxes for 2 examples"),
    ],
)
def test_missing_parts_are_refused(like, boxes, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_examples(like, boxes)


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,4,5", "a,b,c,d", "", "1 2 3 4"])
def test_what_is_no_box_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not a box"):
        read_box(text)
