from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as some

from handful.errors import ConfigError
from handful.recipes.values import form_value, parse_value, read_value, write_value

READ = [
    (bool, "yes", True),
    (bool, "False", False),
    (bool, True, True),
    (int, " 12 ", 12),
    (int, "1e5", 100_000),
    (int, 9_007_199_254_740_993, 9_007_199_254_740_993),
    (int, "9007199254740993", 9_007_199_254_740_993),
    (float, "5e-3", 0.005),
    (float, 2, 2.0),
    (float, "-inf", -math.inf),
    (str, "640", "640"),
    (str, '"none"', "none"),
    (Path, "a/b", Path("a/b")),
    (float | None, "none", None),
    (float | None, "0.5", 0.5),
    (int | str, "x", "x"),
    (Literal["sgd", "adamw"], "adamw", "adamw"),
    (Literal[1, 2, 3], "2", 2),
    (tuple[int, ...], "640,672", (640, 672)),
    (tuple[int, ...], "[640, 672]", (640, 672)),
    (tuple[int, ...], "640", (640,)),
    (tuple[int, ...], "", ()),
    (tuple[float, float], [1, 2], (1.0, 2.0)),
    (tuple[str, ...], "dining table, cat", ("dining table", "cat")),
    (tuple[tuple[float, ...], ...], "[[32, 64], [128]]", ((32.0, 64.0), (128.0,))),
    (dict[str, int], '{"a": 1}', {"a": 1}),
]


@pytest.mark.parametrize(("kind", "given_value", "expected"), READ)
def test_a_value_is_read_by_the_type_of_its_field(kind: Any, given_value: Any, expected: Any):
    value = parse_value(kind, given_value, "here")
    assert value == expected and type(value) is type(expected)


FLOATS = some.lists(some.floats(allow_nan=False)).map(tuple)

REFUSED = [
    (bool, "maybe", "true or false"),
    (bool, 1, "true or false"),
    (int, "2.5", "a whole number"),
    (int, True, "a whole number"),
    (int, "inf", "a whole number"),
    (float, "fast", "a number"),
    (float, "nan", "a number"),
    (float, None, "a number"),
    (str, 3, "a text"),
    (Literal["sgd", "adamw"], "adam", "Did you mean 'adamw'"),
    (Literal[1, 2], True, "1 or 2"),
    (tuple[int, ...], "1,x", "a whole number"),
    (tuple[int, ...], 5, "a list, each a whole number"),
    (tuple[int, ...], "[1, 2", "a list"),
    (tuple[float, float], "1,2,3", "got 3, expected 2"),
    (dict[str, int], "[1]", "a table, each a whole number"),
    (complex, "1", "complex"),
]


@pytest.mark.parametrize(("kind", "value", "message"), REFUSED)
def test_a_wrong_value_is_refused_with_field_and_what_is_expected(
    kind: Any, value: Any, message: str
):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_value(kind, value, "train.lr")
    assert caught.value.field == "train.lr"


def test_numbers_in_a_file_are_not_texts():
    with pytest.raises(ConfigError, match="a whole number"):
        read_value(int, "5", "train.steps")


@given(
    some.one_of(
        some.tuples(some.just(bool), some.booleans()),
        some.tuples(some.just(int), some.integers()),
        some.tuples(some.just(float), some.floats(allow_nan=False)),
        some.tuples(some.just(str), some.text()),
        some.tuples(some.just(str | None), some.none() | some.text()),
        some.tuples(some.just(tuple[str, ...]), some.lists(some.text()).map(tuple)),
        some.tuples(some.just(tuple[float, ...]), FLOATS),
    )
)
def test_what_is_written_is_read_back(pair: tuple[Any, Any]):
    kind, value = pair
    assert parse_value(kind, write_value(value), "here") == value
    assert read_value(kind, json.loads(json.dumps(form_value(value))), "here") == value
