from __future__ import annotations

import pytest

from handful.bench.tables import command, facts, markdown, search_rows, time_rows


def spread(median: float) -> dict[str, float]:
    return {"median": median, "low": median / 2, "high": median * 2}


def result(**changes) -> dict:
    model = {
        "name": "os2d-v2-resnet50",
        "feature_seconds": spread(2.0),
        "class_seconds": spread(0.05),
        "class_ratio": spread(0.0252),
        "plain_class_seconds": spread(0.2),
        "plain_class_ratio": spread(0.1),
        "searches": [
            {"classes": 1, "seconds": 2.1, "peak_bytes": 700 * 2**20, "feature_bytes": 2**20},
            {"classes": 9, "seconds": 2.5, "peak_bytes": None, "feature_bytes": 9 * 2**20},
        ],
        **changes,
    }
    machine = {
        "processor": "A processor",
        "threads": 2,
        "vector_instructions": "AVX2",
        "torch": "2.15.0",
    }
    return {
        "image_size": [960, 1280],
        "repeats": 5,
        "reference_ratio": 0.081,
        "machine": machine,
        "models": [model],
    }


def test_rows_say_what_a_class_costs_and_how_much_faster_than_plainly() -> None:
    assert time_rows(result()) == [
        (
            "os2d-v2-resnet50",
            "2.000 s",
            "50.0 ms",
            "0.025 (0.013–0.050)",
            "200.0 ms",
            "0.100 (0.050–0.200)",
            "4.0 x",
        )
    ]


def test_rows_of_searches_take_the_class_features_off_the_peak() -> None:
    first, second = search_rows(result())
    assert first == ("os2d-v2-resnet50", "1", "2.10 s", "700 MiB", "1 MiB", "699 MiB")
    assert second[3:] == ("unknown", "9 MiB", "unknown")


@pytest.mark.parametrize(
    ("changes", "end"), [({}, "--repeats 5 --classes 1 9"), ({"searches": []}, "--repeats 5")]
)
def test_page_starts_with_the_command_that_makes_it(changes: dict, end: str) -> None:
    page = markdown(result(**changes)).splitlines()
    words = command(result(**changes))
    assert words.startswith("handful bench oneshot --models os2d-v2-resnet50 --size 1280 960 ")
    assert words.endswith(end)
    assert page[2] == f"`{words}`"


def test_page_has_a_line_for_every_row() -> None:
    page = markdown(result())
    assert page.count("\n| os2d-v2-resnet50 |") == 3
    assert facts(result()) in page
    assert "1280 x 960" in page and "0.081" in page
