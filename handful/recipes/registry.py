"""Recipes by name: who can build one, with which choices, and how one is kept in a file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from handful.errors import ConfigError, suggest
from handful.files import read_json, write_json
from handful.recipes.tree import from_dict, to_dict
from handful.recipes.values import parse_value

Builder = TypeVar("Builder", bound=Callable[..., Any])


@dataclass(frozen=True)
class RecipeEntry:
    """A named recipe: the function that builds it from a few choices."""

    name: str
    build: Callable[..., Any]

    @property
    def summary(self) -> str:
        """The first line that the builder says about itself."""
        return (inspect.getdoc(self.build) or "").split("\n")[0]

    @cached_property
    def types(self) -> dict[str, Any]:
        """The type of each choice, by name."""
        hints = get_type_hints(self.build)
        return {name: hints[name] for name in inspect.signature(self.build).parameters}

    @property
    def defaults(self) -> dict[str, Any]:
        """What each choice is if nothing is said, by name; those that must be said are left out."""
        parameters = inspect.signature(self.build).parameters.values()
        return {one.name: one.default for one in parameters if one.default is not one.empty}

    @property
    def kind(self) -> type:
        """The dataclass that is built; of several, the first, which files hold."""
        built = get_type_hints(self.build)["return"]
        return next(iter(get_args(built)), built)


_ENTRIES: dict[str, RecipeEntry] = {}


def register(name: str) -> Callable[[Builder], Builder]:
    """Make the decorated function the builder of recipe ``name``, such as "defrcn/voc".

    Its parameters, all with types, are the choices a user has; what it returns is the recipe,
    a frozen dataclass. Raises ``ConfigError`` if the name is taken by another function.
    """

    def enter(build: Builder) -> Builder:
        taken = _ENTRIES.get(name)
        if taken is not None and taken.build.__module__ != build.__module__:
            raise ConfigError("two recipes of one name", field=name, got=build.__module__)
        _ENTRIES[name] = RecipeEntry(name, build)
        return build

    return enter


def recipe_names() -> tuple[str, ...]:
    """Return the names of all recipes whose methods have been imported."""
    return tuple(sorted(_ENTRIES))


def recipe_entry(name: str) -> RecipeEntry:
    """Return what is known by ``name``; raises ``ConfigError`` with the nearest name."""
    if name not in _ENTRIES:
        raise ConfigError("no recipe of this name", got=f"'{name}'", remedy=suggest(name, _ENTRIES))
    return _ENTRIES[name]


def build_recipe(name: str, choices: Mapping[str, Any] | None = None) -> Any:
    """Build the recipe ``name``; ``choices`` may be texts, as typed by a user.

    Raises ``ConfigError`` for an unknown name or choice, a wrong value, or one that is lacking.
    """
    entry = recipe_entry(name)
    given = dict(choices or {})
    for choice in given:
        if choice not in entry.types:
            raise ConfigError(
                f"the recipe '{name}' has no such choice",
                field=choice,
                remedy=suggest(choice, entry.types),
            )
    for choice in entry.types:
        if choice not in given and choice not in entry.defaults:
            raise ConfigError(f"the recipe '{name}' lacks a choice", field=choice)
    return entry.build(
        **{
            choice: parse_value(entry.types[choice], value, choice)
            for choice, value in given.items()
        }
    )


def recipe_document(name: str, recipe: object) -> dict[str, Any]:
    """Return what a file says of ``recipe``, built as ``name`` and maybe changed since."""
    return {"name": recipe_entry(name).name, "recipe": to_dict(recipe)}


def save_recipe(path: Path | str, name: str, recipe: object) -> None:
    """Write ``recipe``, complete: the file alone is enough to build it again."""
    write_json(path, recipe_document(name, recipe))


def read_recipe(path: Path | str) -> tuple[str, Any]:
    """Return the name and the recipe that ``save_recipe`` wrote to ``path``.

    Raises ``DataError`` if the file cannot be read, ``ConfigError`` naming the file if it
    holds no recipe or one with wrong fields.
    """
    document = read_json(path)
    if not isinstance(document, Mapping) or not {"name", "recipe"} <= set(document):
        raise ConfigError(
            "this file holds no recipe", file=path, expected="the fields 'name' and 'recipe'"
        )
    try:
        entry = recipe_entry(str(document["name"]))
        return entry.name, from_dict(entry.kind, document["recipe"])
    except ConfigError as error:
        raise error.at(path) from error
