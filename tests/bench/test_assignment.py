from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from handful.bench.assignment import (
    AssignmentTask,
    assignment_facts,
    assignment_markdown,
    assignment_rows,
    bench_assignment,
    random_assignment,
)
from handful.errors import ConfigError
from handful.methods.o2f.assignment import BACKGROUND

SMALL = AssignmentTask(objects=(1, 3), image_size=(64, 96), classes=4, repeats=2, seed=5)


def test_a_picture_of_the_published_size_has_its_points() -> None:
    assert len(random_assignment(AssignmentTask(classes=1), 1)().objects) == 22_400


@pytest.mark.parametrize("count", [1, 20, 200])
def test_points_are_given_to_the_objects_and_to_no_others(count: int) -> None:
    objects = random_assignment(replace(SMALL, image_size=(320, 320)), count)().objects
    known = set(objects[objects != BACKGROUND].tolist())
    # Crowded objects may lose all their points.
    assert known <= set(range(count)) and len(known) > count / 2


def test_the_same_seed_gives_the_same_points() -> None:
    first, again = (random_assignment(SMALL, 3)() for _ in range(2))
    assert torch.equal(first.objects, again.objects) and torch.equal(first.degrees, again.degrees)


def test_each_number_of_objects_has_its_cost() -> None:
    result = json.loads(json.dumps(bench_assignment(SMALL)))
    assert [one["objects"] for one in result["costs"]] == [1, 3]
    assert all(one["seconds"]["low"] > 0 and one["positive"] > 0 for one in result["costs"])
    # Cells of 64 x 96 pixels at strides 8 to 128.
    assert result["points"] == 96 + 24 + 6 + 2 + 1


def test_page_has_the_command_the_facts_and_a_line_for_every_number() -> None:
    cost = {"objects": 20, "seconds": {"median": 0.004, "low": 0.003, "high": 0.0125}}
    made_on = {"processor": "A processor", "threads": 2, "torch": "2.15.0"}
    result = {
        "objects": [20],
        "image_size": [64, 96],
        "classes": 4,
        "repeats": 2,
        "seed": 5,
        "points": 129,
        "costs": [{**cost, "positive": 9}],
        "machine": made_on,
    }
    page = assignment_markdown(result)
    assert assignment_rows(result) == [("20", "4.0 (3.0–12.5)", "9")]
    assert "\n| 20 | 4.0 (3.0–12.5) | 9 |" in page and assignment_facts(result) in page
    assert page.splitlines()[2] == (
        "`handful bench assignment --objects 20 --size 96 64 --classes 4 --repeats 2 --seed 5`"
    )


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"objects": ()}, "objects"),
        ({"objects": (5, 0)}, "objects"),
        ({"image_size": (0, 64)}, "image_size"),
        ({"classes": 0}, "classes"),
        ({"repeats": 0}, "repeats"),
    ],
)
def test_tasks_that_measure_nothing_are_refused(changes: dict, complaint: str) -> None:
    with pytest.raises(ConfigError, match=f"nothing to measure.*{complaint}"):
        AssignmentTask(**changes)
