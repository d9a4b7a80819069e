from __future__ import annotations

import pytest

from handful.bench.training_tables import (
    training_command,
    training_facts,
    training_markdown,
    training_rows,
)


def spread(median: float) -> dict[str, float]:
    return {"median": median, "low": median / 2, "high": median * 2}


def model(name: str, ratio: float, peak: int | None, **changes) -> dict:
    return {
        "name": name,
        "about": "a network",
        "image_size": [480, 640],
        "reference": None,
        "original_ratio": None,
        "seconds": spread(4.0 * ratio),
        "ratio": spread(ratio),
        "processor_seconds": spread(3.0 * ratio),
        "processor_ratio": {"median": ratio, "low": ratio, "high": ratio},
        "regions": {"median": 1024, "low": 1024, "high": 1024},
        "loaded_bytes": 2**20,
        "peak_bytes": peak,
        **changes,
    }


RESULT = {
    "image_size": [480, 640],
    "pictures": 2,
    "boxes": 5,
    "steps": 10,
    "seed": 3,
    "machine": {
        "processor": "A processor",
        "threads": 2,
        "vector_instructions": "AVX2",
        "torch": "2.15.0",
        "torchvision": "0.30.0",
    },
    "models": [
        model("torchvision", 1.0, 700 * 2**20),
        model("r101-c4", 2.25, None, reference="torchvision", original_ratio=2.7),
        model("dense", 0.5, None, reference="torchvision", image_size=[64, 96], regions=None),
    ],
}


def test_rows_give_medians_and_extremes_where_they_differ() -> None:
    assert training_rows(RESULT)[1] == (
        "r101-c4",
        "640 x 480",
        "9.00 (4.50–18.00)",
        "2.250 (1.125–4.500)",
        "6.75 (3.38–13.50)",
        "2.250",
        "unknown",
        "1024",
    )
    assert training_rows(RESULT)[0][6] == "700 MiB"
    assert training_rows(RESULT)[2][1] == "96 x 64" and training_rows(RESULT)[2][-1] == "–"


@pytest.mark.parametrize(("size", "words"), [([480, 640], " --size 640 480"), (None, "")])
def test_page_starts_with_the_command_that_makes_it(size, words: str) -> None:
    result = {**RESULT, "image_size": size}
    command = training_command(result)
    assert command == (
        f"handful bench train --models r101-c4 dense{words} "
        "--pictures 2 --boxes 5 --steps 10 --seed 3"
    )
    assert training_markdown(result).splitlines()[2] == f"`{command}`"


def test_page_has_the_facts_and_a_line_for_every_model() -> None:
    page = training_markdown(RESULT)
    assert training_facts(RESULT) in page and "2.7 times" in page
    assert page.count("compared with torchvision") == 2
    assert page.count("\n| torchvision |") == page.count("\n| r101-c4 |") == 1
