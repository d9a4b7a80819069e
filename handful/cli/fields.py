"""Changes to a recipe as they are written on the command line."""

from __future__ import annotations

from collections.abc import Sequence

from handful.errors import ConfigError


def read_changes(texts: Sequence[str]) -> dict[str, str]:
    """Return the fields and values of ``FIELD=VALUE``; raises ``ConfigError`` for any other."""
    changes = {}
    for text in texts:
        field, equals, value = text.partition("=")
        if not equals or not field.strip():
            raise ConfigError(
                "not a change to a recipe", got=text, expected="FIELD=VALUE, such as train.lr=0.01"
            )
        changes[field.strip()] = value.strip()
    return changes


def dotted_as_changes(words: Sequence[str]) -> list[str]:
    """Return ``words`` with ``--train.lr 0.1`` and ``--train.lr=0.1`` as ``--set train.lr=0.1``.

    Raises ``ConfigError`` for a field without a value.
    """
    given, result = iter(words), []
    for word in given:
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or "." not in name:
            result.append(word)
            continue
        if not equals:
            value = next(given, None)
            if value is None:
                raise ConfigError("a field of the recipe without a value", field=name)
        result += ["--set", f"{name}={value}"]
    return result


def read_numbers(text: str, field: str) -> tuple[int, ...]:
    """Return the numbers of ``0..9`` or ``1,2,5``; raises ``ConfigError`` for anything else."""
    try:
        if ".." in text:
            first, last = (int(part) for part in text.split("..", 1))
            numbers = tuple(range(first, last + 1))
        else:
            numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 0:
        raise ConfigError("not a list of numbers", field=field, got=text, expected="0..9 or 1,2,5")
    return numbers
