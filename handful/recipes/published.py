"""What was published for a recipe, beside what of it has been verified here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from handful.errors import ConfigError
from handful.recipes.registry import recipe_entry

HEADS = ("recipe", "choices", "published", "by", "verified here")


@dataclass(frozen=True)
class Published:
    """One published result. figures: percent, as printed. by: who reports it.

    verified: what this package has been shown to compute alike, in a few words.
    """

    recipe: str
    choices: Mapping[str, Any]
    figures: Mapping[str, float]
    by: str
    verified: str


_RESULTS: dict[str, tuple[Published, ...]] = {}


def publish(results: Iterable[Published]) -> None:
    """Make ``results`` known; those of a recipe replace what was known of it.

    Raises ``ConfigError`` for a recipe or a choice that does not exist.
    """
    grouped: dict[str, list[Published]] = {}
    for one in results:
        entry = recipe_entry(one.recipe)
        for choice in one.choices:
            if choice not in entry.types:
                raise ConfigError(
                    f"the recipe '{one.recipe}' has no such choice", field=choice, got=one.by
                )
        grouped.setdefault(one.recipe, []).append(one)
    _RESULTS.update({name: tuple(rows) for name, rows in grouped.items()})


def published_results() -> tuple[Published, ...]:
    """Return everything published of the recipes that have been imported, by recipe."""
    return tuple(one for name in sorted(_RESULTS) for one in _RESULTS[name])


def results_table(results: Iterable[Published]) -> str:
    """Return ``results`` as Markdown; figures are percent, as published."""
    lines = [f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)]
    for one in results:
        choices = ", ".join(f"`{name}` {value}" for name, value in one.choices.items())
        figures = ", ".join(f"{name} {value:.1f}" for name, value in one.figures.items())
        lines.append(f"| `{one.recipe}` | {choices} | {figures} | {one.by} | {one.verified} |")
    return "\n".join(lines) + "\n"
