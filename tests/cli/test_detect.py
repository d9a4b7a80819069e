"""``handful detect`` as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image


def names(answer: dict) -> list[str]:
    return sorted(found["name"] for found in answer["detections"])


def test_two_classes_are_found_drawn_and_written(shop: Path, weights: Path, handful) -> None:
    code, out, err = handful(
        *("detect", "shelf.png", "--like", "one.png", "--like", "tea=two.png"),
        *("--model", weights, "--json", "out/found.json", "--picture", "out/found.png"),
    )
    assert code == 0, err
    answer = json.loads((shop / "out/found.json").read_text("utf-8"))
    assert answer["file"] == "shelf.png"
    assert answer["image_size"] == {"height": 140, "width": 200}
    assert names(answer) == ["one", "one", "tea"]
    assert {"box", "name", "score"} == set(answer["detections"][0])
    drawn = Image.open(shop / "out/found.png").convert("RGB")
    assert drawn.size == (200, 140)
    assert drawn.tobytes() != Image.open("shelf.png").tobytes()
    assert "tea" in out and "3 found on 1 picture" in out


def test_an_example_is_cut_out_of_a_larger_picture(shop: Path, weights: Path, handful) -> None:
    code, _, err = handful(
        *("detect", "shelf.png", "--like", "one=shelf.png", "--box", "8,32,72,96"),
        *("--model", weights, "--json", "found.json"),
    )
    assert code == 0, err
    assert names(json.loads(Path("found.json").read_text("utf-8"))) == ["one", "one"]


def test_a_folder_gives_one_answer_file_and_a_folder_of_pictures(
    shop: Path, weights: Path, handful
) -> None:
    command = (
        *("detect", "shelves", "--like", "one.png", "--model", weights),
        *("--json", "all.json", "--picture", "shelves/drawn"),
    )
    for _ in range(2):
        code, out, err = handful(*command)
        assert code == 0, err
        answers = json.loads(Path("all.json").read_text("utf-8"))["pictures"]
        assert [(Path(a["file"]).name, names(a)) for a in answers] == [
            ("a.png", ["one"]),
            ("b.png", []),
        ]
        drawn = sorted(p.relative_to("shelves/drawn") for p in Path("shelves/drawn").rglob("*.*"))
        assert drawn == [Path("a.png"), Path("left/b.png")]
        assert "1 found on 2 pictures" in out


def test_nothing_found_is_an_empty_answer(shop: Path, weights: Path, handful) -> None:
    code, out, _ = handful(
        *("detect", "shelves/left/b.png", "--like", "one.png"),
        *("--model", weights, "--json", "found.json", "--picture", "found.jpg"),
    )
    assert code == 0 and "nothing on 1 picture" in out
    assert json.loads(Path("found.json").read_text("utf-8"))["detections"] == []
    assert Path("found.jpg").exists()


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--score", "0.5"], 2),
        (["--score", "0.99"], 0),
        (["--score", "-1", "--scales", "1"], 2),
        (["--views", "rotation90"], 1),
        (["--score", "0.6", "--best-class-only"], 1),
    ],
)
def test_options_change_the_search(
    options: list[str], count: int, shop: Path, weights: Path, handful
) -> None:
    code, _, err = handful(
        *("detect", "shelves/a.png", "--like", "one.png", "--like", "two.png"),
        *("--model", weights, "--json", "found.json", *options),
    )
    assert code == 0, err
    found = json.loads(Path("found.json").read_text("utf-8"))["detections"]
    assert (len(found) >= count) if count == 2 else (len(found) == count)


BAD_INPUT = [
    (["missing.png", "--like", "one.png"], "missing.png"),
    (["empty.png", "--like", "one.png"], "empty.png"),
    (["text.jpg", "--like", "one.png"], "text.jpg"),
    (["half.png", "--like", "one.png"], "half.png"),
    (["nothing", "--like", "one.png"], "nothing"),
    (["shelf.png"], "--like"),
    (["shelf.png", "--like", "missing.png"], "missing.png"),
    (["shelf.png", "--like", "dot.png"], "dot.png"),
    (["shelf.png", "--like", "half.png"], "half.png"),
    (["shelf.png", "--like", "=one.png"], "=one.png"),
    (["shelf.png", "--like", "one.png", "--box", "10,10,10,20"], "no area"),
    (["shelf.png", "--like", "one.png", "--box", "500,10,600,20"], "outside"),
    (["shelf.png", "--like", "one.png", "--box", "1,2,3"], "1,2,3"),
    (["shelf.png", "--like", "one.png", "--model", "missing.safetensors"], "missing.safetensors"),
    (["shelf.png", "--like", "one.png", "--model", "text.jpg"], "text.jpg"),
    (["shelf.png", "--like", "one.png", "--model", "os2d-lit"], "os2d-lite"),
    (["shelf.png", "--like", "one.png", "--device", "nonsense"], "nonsense"),
    (["shelf.png", "--like", "one.png", "--scales", "0"], "scales"),
    (["shelf.png", "--like", "one.png", "--picture", "found.xyz"], "found.xyz"),
    (["shelf.png", "--like", "one.png", "--picture", "shelves"], "shelves"),
    (["shelf.png", "--like", "one.png", "--picture", "one.png/found.png"], "one.png"),
    (["shelves", "--like", "one.png", "--picture", "text.jpg"], "text.jpg"),
    (["shelf.png", "--like", "one.png", "--json", "text.jpg/found.json"], "text.jpg"),
    (["shelf.png", "--like", "one.png", "--json", "shelves"], "shelves"),
]


@pytest.mark.parametrize(
    ("words", "named"), BAD_INPUT, ids=lambda v: " ".join(v) if isinstance(v, list) else ""
)
def test_bad_input_is_one_line_that_names_it_and_leaves_nothing(
    words: list[str], named: str, shop: Path, weights: Path, handful
) -> None:
    Path("empty.png").touch()
    Path("text.jpg").write_text("hello")
    Path("half.png").write_bytes(Path("shelf.png").read_bytes()[:3000])
    Path("nothing").mkdir()
    Image.new("RGB", (1, 1)).save("dot.png")
    before = sorted(shop.rglob("*"))
    model = [] if "--model" in words else ["--model", weights]
    outputs = [] if "--json" in words else ["--json", "found.json"]
    code, out, err = handful("detect", *words, *model, *outputs)
    assert code == 2 and out == ""
    assert err.startswith("error: ") and err.count("\n") == 1 and named in err
    assert sorted(shop.rglob("*")) == before


@pytest.mark.integration
def test_the_command_runs_on_its_own(shop: Path, weights: Path) -> None:
    command = [sys.executable, "-m", "handful", "detect", "shelf.png", "--like", "one.png"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [*command, "--model", str(weights)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=shop,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert done.returncode == 0, done.stderr
    assert "2 found on 1 picture" in done.stdout
    assert "searching: 1 of 1 done" in done.stderr
