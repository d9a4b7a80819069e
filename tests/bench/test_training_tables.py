from __future__ import annotations

from handful.bench.training_step import BASELINE
from handful.bench.training_tables import (
    training_command,
    training_facts,
    training_markdown,
    training_rows,
)


def spread(median: float) -> dict[str, float]:
    return {"median": median, "low": median / 2, "high": median * 2}


def model(name: str, ratio: float, peak: int | None) -> dict:
    return {
        "name": name,
        "seconds": spread(4.0 * ratio),
        "ratio": spread(ratio),
        "processor_seconds": spread(3.0 * ratio),
        "processor_ratio": {"median": ratio, "low": ratio, "high": ratio},
        "regions": {"median": 1024, "low": 1024, "high": 1024},
        "loaded_bytes": 2**20,
        "peak_bytes": peak,
    }


RESULT = {
    "image_size": [480, 640],
    "pictures": 2,
    "boxes": 5,
    "steps": 10,
    "seed": 3,
    "reference_ratio": 2.7,
    "machine": {
        "processor": "A processor",
        "threads": 2,
        "vector_instructions": "AVX2",
        "torch": "2.15.0",
        "torchvision": "0.30.0",
    },
    "models": [model(BASELINE, 1.0, 700 * 2**20), model("r101-c4", 2.25, None)],
}


def test_rows_give_medians_and_extremes_where_they_differ() -> None:
    assert training_rows(RESULT)[1] == (
        "r101-c4",
        "9.00 (4.50–18.00)",
        "2.250 (1.125–4.500)",
        "6.75 (3.38–13.50)",
        "2.250",
        "unknown",
        "1024",
    )
    assert training_rows(RESULT)[0][5] == "700 MiB"


def test_page_starts_with_the_command_that_makes_it() -> None:
    command = training_command(RESULT)
    assert command == (
        "handful bench train --models r101-c4 --size 640 480 "
        "--pictures 2 --boxes 5 --steps 10 --seed 3"
    )
    assert training_markdown(RESULT).splitlines()[2] == f"`{command}`"


def test_page_has_the_facts_and_a_line_for_every_model() -> None:
    page = training_markdown(RESULT)
    assert training_facts(RESULT) in page and "2 x 640 x 480" in page and "2.7 times" in page
    assert page.count("\n| torchvision |") == page.count("\n| r101-c4 |") == 1
