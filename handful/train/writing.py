"""What to say when a run cannot write: which file, and that what was there is unharmed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from handful.errors import DataError


@contextmanager
def explained_writing(path: Path) -> Iterator[None]:
    """Turn a failure to write ``path``, such as a full disk, into a ``DataError``.

    Torch and safetensors wrap what the system says in errors of their own.
    """
    try:
        yield
    except (OSError, RuntimeError, SafetensorError) as error:
        raise DataError(
            "cannot write a file of the run",
            file=path,
            got=str(error).splitlines()[0] if str(error) else type(error).__name__,
            remedy="The previous one is unharmed: make room, then run the same command again",
        ) from error
