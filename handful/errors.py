"""The errors a user can meet: each says what is wrong, where, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Self


class HandfulError(Exception):
    """Base of every error that is the input's fault, not the program's.

    The message is built from parts so that all errors read alike:
    ``what [where]: got …, expected …. What to do.``
    """

    def __init__(
        self,
        what: str,
        *,
        file: Path | str | None = None,
        field: str | None = None,
        got: object = None,
        expected: object = None,
        remedy: str | None = None,
    ) -> None:
        self.what = what
        self.file = str(file) if file is not None else None
        self.field = field
        self.got = got
        self.expected = expected
        self.remedy = remedy
        super().__init__(self._sentence())

    def at(self, file: Path | str) -> Self:
        """Return the same error, said of ``file`` if it names no file yet."""
        return type(self)(
            self.what,
            file=self.file or file,
            field=self.field,
            got=self.got,
            expected=self.expected,
            remedy=self.remedy,
        )

    def _sentence(self) -> str:
        place = ", ".join(
            part for part in (self.file, f"field '{self.field}'" if self.field else None) if part
        )
        text = f"{self.what} [{place}]" if place else self.what
        details = [
            f"{label} {value}"
            for label, value in (("got", self.got), ("expected", self.expected))
            if value is not None
        ]
        if details:
            text += ": " + ", ".join(details)
        if self.remedy:
            text += f". {self.remedy}"
        return " ".join(text.split())


class DataError(HandfulError):
    """A picture, an annotation file or a data set that cannot be used as it is."""


class ConfigError(HandfulError):
    """An option or a recipe field with a value that makes no sense."""


class WeightsError(HandfulError):
    """A weight file that is missing, damaged, hostile or made for another network."""


class ExportError(HandfulError):
    """A model that cannot be written in the format asked for."""


class NotSupported(HandfulError):
    """Something the chosen method cannot do; the remedy names a method that can."""


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a remedy that names the nearest of ``known``, or lists them all."""
    options = sorted(str(option) for option in known)
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    shown = ", ".join(options[:20]) + (", …" if len(options) > 20 else "")
    return f"Known: {shown}" if options else "Nothing is known by any name here"
