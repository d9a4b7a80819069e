"""The single values of a recipe: checked against the type of their field, typed and printed."""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from handful.errors import ConfigError, suggest

NOTHING = "none"
_TRUTH = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}


def read_value(kind: Any, value: Any, path: str) -> Any:
    """Return ``value``, as JSON or Python gives it, as the field at ``path`` holds it.

    kind: the field's type: bool, int, float, str, Path, a Literal, a tuple or a mapping of
    these, or one of them or None. Raises ``ConfigError`` naming ``path`` if it does not fit.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _first_that_fits(read_value, kind, value, path)
    if origin is Literal:
        return _chosen(kind, value, path)
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = _item_kinds(kind, len(value), path)
        return tuple(read_value(k, v, path) for k, v in zip(kinds, value, strict=True))
    if _is_mapping(origin) and isinstance(value, Mapping):
        return {
            read_value(arguments[0], key, path): read_value(arguments[1], item, f"{path}.{key}")
            for key, item in value.items()
        }
    if origin is None and kind in _READERS:
        with suppress(ValueError, OverflowError):
            return _READERS[kind](value)
    raise _wrong(kind, value, path)


def parse_value(kind: Any, value: Any, path: str) -> Any:
    """Return ``value`` as the field at ``path`` holds it; a text is read as a user types it.

    That is "640,672" or "[640, 672]" for a tuple, JSON for what is nested, "none" for no
    value, quotes where a text would mean something else. Raises ``ConfigError``.
    """
    if not isinstance(value, str):
        return read_value(kind, value, path)
    origin, text = get_origin(kind), value.strip()
    if origin in (Union, types.UnionType):
        if type(None) in get_args(kind) and text.lower() == NOTHING:
            return None
        return _first_that_fits(parse_value, kind, value, path)
    if origin is Literal:
        return _chosen(kind, {str(one): one for one in get_args(kind)}.get(text, text), path)
    if origin is tuple and not text.startswith("["):
        items = [item.strip() for item in text.split(",")] if text else []
        kinds = _item_kinds(kind, len(items), path)
        return tuple(parse_value(k, item, path) for k, item in zip(kinds, items, strict=True))
    if origin is not None:
        return read_value(kind, _from_json(kind, text, path), path)
    if kind is bool:
        return read_value(bool, _TRUTH.get(text.lower(), text), path)
    if kind is str:
        quoted = len(value) > 1 and value[0] == value[-1] == '"'
        return read_value(str, _from_json(str, value, path) if quoted else value, path)
    return read_value(kind, _number_typed(text) if kind in (int, float) else value, path)


def form_value(value: Any) -> Any:
    """Return ``value`` as JSON holds it: lists for tuples, texts for infinite numbers."""
    if isinstance(value, Mapping):
        return {str(key): form_value(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [form_value(item) for item in value]
    if isinstance(value, Path) or (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    return value


def write_value(value: Any) -> str:
    """Return ``value`` as a user would type it, so that ``parse_value`` reads it back."""
    plain = form_value(value)
    if plain is None:
        return NOTHING
    if isinstance(plain, str):
        return plain if _reads_as_itself(plain) else json.dumps(plain)
    if isinstance(plain, list) and plain and all(map(_needs_no_brackets, plain)):
        return ",".join(write_value(item) for item in plain)
    return json.dumps(plain)


def describe_type(kind: Any) -> str:
    """Return what a field of type ``kind`` takes, in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(describe_type(one) for one in arguments)
    if origin is Literal:
        return " or ".join(f"'{one}'" if isinstance(one, str) else str(one) for one in arguments)
    if origin is tuple:
        count = "a list" if arguments[-1] is ... else f"{len(arguments)} values"
        return f"{count}, each {describe_type(arguments[0])}"
    if _is_mapping(origin):
        return f"a table, each {describe_type(arguments[1])}"
    return _WORDS.get(kind, str(kind))


def _first_that_fits(read: Any, kind: Any, value: Any, path: str) -> Any:
    options = [one for one in get_args(kind) if one is not type(None)]
    if value is None and type(None) in get_args(kind):
        return None
    if len(options) == 1:
        return read(options[0], value, path)
    for one in options:
        with suppress(ConfigError):
            return read(one, value, path)
    raise _wrong(kind, value, path)


def _chosen(kind: Any, value: Any, path: str) -> Any:
    for option in get_args(kind):
        if type(value) is type(option) and value == option:
            return option
    raise ConfigError(
        "this setting is none of those there are",
        field=path,
        got=value,
        expected=describe_type(kind),
        remedy=suggest(str(value), map(str, get_args(kind))),
    )


def _item_kinds(kind: Any, count: int, path: str) -> list[Any]:
    arguments = get_args(kind)
    if arguments[-1] is ...:
        return [arguments[0]] * count
    if count != len(arguments):
        raise ConfigError(
            "this setting has a wrong number of values",
            field=path,
            got=count,
            expected=len(arguments),
        )
    return list(arguments)


def _read_truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _read_integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    number = _read_real(value)
    if not number.is_integer():
        raise ValueError
    return int(number)


def _read_real(value: Any) -> float:
    infinite = isinstance(value, str) and value in ("inf", "-inf")
    if isinstance(value, bool) or not (isinstance(value, (int, float)) or infinite):
        raise ValueError
    if math.isnan(number := float(value)):
        raise ValueError
    return number


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _read_path(value: Any) -> Path:
    return value if isinstance(value, Path) else Path(_read_text(value))


def _number_typed(text: str) -> int | float | str:
    """Return the number that ``text`` is; exact if it is a whole one, however large."""
    for read in (int, float):
        with suppress(ValueError):
            return read(text)
    return text


def _from_json(kind: Any, text: str, path: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _wrong(kind, text, path) from None


def _reads_as_itself(text: str) -> bool:
    return (
        bool(text)
        and text == text.strip()
        and text.isprintable()
        and text.lower() != NOTHING
        and text[0] not in '"['
    )


def _needs_no_brackets(item: Any) -> bool:
    if isinstance(item, str):
        return _reads_as_itself(item) and "," not in item
    return isinstance(item, (int, float)) and not isinstance(item, bool)


def _is_mapping(origin: Any) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _wrong(kind: Any, value: Any, path: str) -> ConfigError:
    return ConfigError(
        "this setting has a wrong value", field=path, got=value, expected=describe_type(kind)
    )


_READERS = {
    bool: _read_truth,
    int: _read_integer,
    float: _read_real,
    str: _read_text,
    Path: _read_path,
}
_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    type(None): "none",
}
