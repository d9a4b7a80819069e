"""A recipe is a tree of frozen dataclasses: how it prints, saves, reads and changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

from handful.errors import ConfigError, suggest
from handful.recipes.values import form_value, parse_value, read_value, write_value

Recipe = TypeVar("Recipe")


def to_dict(recipe: object) -> dict[str, Any]:
    """Return ``recipe`` as plain values, ready for JSON: lists for tuples, names for fields."""
    _require_recipe(recipe)
    return {field.name: _plain(getattr(recipe, field.name)) for field in fields(recipe)}  # type: ignore[arg-type]


def from_dict(kind: type[Recipe], values: Mapping[str, Any], *, place: str = "") -> Recipe:
    """Build a recipe of ``kind`` from what ``to_dict`` gave; the inverse of it.

    A field that is absent takes its default. Raises ``ConfigError`` naming the field, from
    ``place`` on, if one is unknown, is missing and has no default, or has a wrong type.
    """
    types = field_types(kind)
    if not isinstance(values, Mapping):
        raise ConfigError(
            "this part of a recipe must be a table of fields",
            field=place or None,
            got=values,
            expected=", ".join(types),
        )
    for name in values:
        if name not in types:
            raise _no_such_field(join_path(place, str(name)), [join_path(place, n) for n in types])
    chosen: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        path = join_path(place, field.name)
        if field.name in values:
            chosen[field.name] = _built(types[field.name], values[field.name], path)
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ConfigError("the recipe lacks a field", field=path)
    return kind(**chosen)


def override(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return ``recipe`` with the fields at dotted paths replaced: ``{"train.lr": "0.005"}``.

    Texts are read as the field's type: "640,672" or "[640, 672]" for a tuple, "none" for no
    value. All changes are made before any check of one field against another. Raises
    ``ConfigError`` naming the field, and the nearest one where there is none of this name.
    """
    types = leaf_types(recipe)
    chosen: dict[str, Any] = {}
    for path, value in changes.items():
        if path not in types:
            raise _no_such_field(path, types)
        chosen[path] = parse_value(types[path], value, path)
    return _changed(recipe, chosen, "")


def leaves(recipe: object) -> dict[str, Any]:
    """Return every value of ``recipe`` by its dotted path, in order."""
    return {path: value for path, value, _ in _walk(recipe, "")}


def leaf_types(recipe: object) -> dict[str, Any]:
    """Return the type of every value of ``recipe`` by its dotted path, in order."""
    return {path: kind for path, _, kind in _walk(recipe, "")}


def show(recipe: object) -> str:
    """Return all of ``recipe``, one value a line as ``override`` would read it."""
    lines = {path: write_value(value) for path, value in leaves(recipe).items()}
    width = max(map(len, lines), default=0)
    return "\n".join(f"{path:<{width}}  {text}".rstrip() for path, text in lines.items())


def differences(
    one: Mapping[str, Any], other: Mapping[str, Any], *, place: str = ""
) -> dict[str, tuple[Any, Any]]:
    """Return where two saved recipes differ: both values by dotted path, None where absent."""
    found: dict[str, tuple[Any, Any]] = {}
    for name in {**one, **other}:
        path, pair = join_path(place, name), (one.get(name), other.get(name))
        if isinstance(pair[0], Mapping) and isinstance(pair[1], Mapping):
            found |= differences(pair[0], pair[1], place=path)
        elif pair[0] != pair[1]:
            found[path] = pair
    return found


def flat(saved: object, *, place: str = "") -> dict[str, str]:
    """Return a saved recipe as texts by dotted path."""
    if not isinstance(saved, Mapping):
        return {place: write_value(saved)}
    found: dict[str, str] = {}
    for name, value in saved.items():
        found |= flat(value, place=join_path(place, str(name)))
    return found


@cache
def field_types(kind: type) -> dict[str, Any]:
    """Return the types of a recipe's own fields by name."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def join_path(place: str, name: str) -> str:
    """Return the dotted path of field ``name`` of the part at ``place``."""
    return f"{place}.{name}" if place else name


def _walk(recipe: object, place: str) -> Iterator[tuple[str, Any, Any]]:
    _require_recipe(recipe)
    for name, kind in field_types(type(recipe)).items():
        value, path = getattr(recipe, name), join_path(place, name)
        if is_dataclass(value):
            yield from _walk(value, path)
        else:
            yield path, value, kind


def _plain(value: Any) -> Any:
    return to_dict(value) if is_dataclass(value) else form_value(value)


def _built(kind: Any, value: Any, path: str) -> Any:
    """Return one field's value, which may be a recipe in itself, or one or None."""
    parts = [one for one in (kind, *get_args(kind)) if isinstance(one, type) and is_dataclass(one)]
    if parts and value is not None:
        return from_dict(_part_meant(parts, value), value, place=path)
    if parts and kind is not parts[0]:
        return None
    return read_value(kind, value, path)


def _part_meant(parts: list[type], value: Any) -> type:
    """Return which of ``parts`` has all fields of ``value``; the first if none has."""
    given = set(value) if isinstance(value, Mapping) else set()
    return next((one for one in parts if given <= field_types(one).keys()), parts[0])


def _changed(recipe: Recipe, chosen: Mapping[str, Any], place: str) -> Recipe:
    new: dict[str, Any] = {}
    for name in field_types(type(recipe)):
        path, value = join_path(place, name), getattr(recipe, name)
        if path in chosen:
            new[name] = chosen[path]
        elif is_dataclass(value) and any(other.startswith(f"{path}.") for other in chosen):
            new[name] = _changed(value, chosen, path)
    return replace(recipe, **new) if new else recipe  # type: ignore[type-var]


def _no_such_field(path: str, known: Mapping[str, Any] | list[str]) -> ConfigError:
    """Build the error, with the field of the same last name first among the suggestions."""
    same = [other for other in known if other.rpartition(".")[2] == path.rpartition(".")[2]]
    inside = [other for other in known if other.startswith(f"{path}.")]
    return ConfigError(
        "a recipe has no such field",
        field=path,
        remedy=f"It has: {', '.join(inside)}" if inside else suggest(path, same or known),
    )


def _require_recipe(recipe: object) -> None:
    if not is_dataclass(recipe) or isinstance(recipe, type):
        raise ConfigError("a recipe must be a dataclass", got=type(recipe).__name__)
