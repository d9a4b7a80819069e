"""Writing files so that a reader never meets half of one."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from handful.errors import DataError


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; move it there when the block succeeds.

    Folders are made as needed. If the block raises, the temporary file is removed and
    whatever stood at ``path`` stays. Raises ``DataError`` if the place cannot be written.
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise IsADirectoryError(21, "it is a folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
        )
        os.close(handle)
    except OSError as error:
        raise _unwritable(target, error) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(*paths: Path | str | None) -> None:
    """Raise ``DataError`` unless a file could be written at each of ``paths``; leave no trace.

    Long work asks this before it starts. None stands for an output that is not wanted.
    """
    for path in paths:
        if path is None:
            continue
        target = Path(path)
        place = target.parent
        while not place.exists() and place != place.parent:
            place = place.parent
        try:
            if target.is_dir():
                raise IsADirectoryError(21, "it is a folder")
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError as error:
            raise _unwritable(target, error) from error


def write_text(path: Path | str, text: str) -> None:
    """Write ``text`` as UTF-8, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path | str, value: object) -> None:
    """Write ``value`` as UTF-8 JSON, all or nothing."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path | str) -> object:
    """Read a JSON file; raises ``DataError`` naming the file, and the line if it is broken."""
    place = Path(path)
    try:
        return json.loads(place.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(
            "cannot read the file",
            file=place,
            got=error.strerror or str(error),
            remedy="Check the path",
        ) from error
    except (ValueError, RecursionError) as error:  # bad syntax, bad UTF-8, endless numbers or depth
        raise DataError(
            "not valid JSON",
            file=place,
            got=str(error),
            remedy="Export the file again, or mend that line",
        ) from error


def _unwritable(target: Path, error: OSError) -> DataError:
    return DataError(
        "cannot write the output",
        file=target,
        got=error.strerror or str(error),
        remedy="Name a place that can be written",
    )


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
