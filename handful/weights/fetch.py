"""Fetching official files: continued where they broke off, checked, never half in place."""

from __future__ import annotations

import errno
import http.client
import os
import shutil
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from handful.errors import ConfigError, NotSupported, WeightsError
from handful.reporter import Reporter, SilentReporter
from handful.weights.catalogue import find_official
from handful.weights.store import file_sha256

CHUNK = 1 << 18
TIMEOUT = 30.0
"""Seconds without a sign from the server."""

PARTIAL, RANGE_NOT_SATISFIABLE = 206, 416


def cache_folder() -> Path:
    """Return where fetched files are kept: ``HANDFUL_HOME``, else the system's cache folder."""
    home = os.environ.get("HANDFUL_HOME")
    if home:
        return Path(home).expanduser()
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "handful"


def fetch(
    name: str,
    *,
    folder: Path | str | None = None,
    url: str | None = None,
    sha256: str | None = None,
    reporter: Reporter | None = None,
    timeout: float = TIMEOUT,
) -> Path:
    """Fetch an official file by its name in the catalogue and return where it is.

    folder: default the cache. url: another address of the same file, for mirrors and for
    files without a known address. sha256: overrides the catalogue's. A file that is there
    and right is not fetched again. Raises ``NotSupported`` where no address is known.
    """
    entry = find_official(name)
    address = url or entry.url
    target = (Path(folder) if folder is not None else cache_folder()) / entry.name
    expected = sha256 or entry.sha256
    if target.is_file() and (expected is None or file_sha256(target).startswith(expected.lower())):
        return target
    if address is None:
        step = entry.next_step.replace(entry.name, str(target))
        raise NotSupported(
            f"{entry.name} has no address that a program can fetch",
            remedy=f"Get it from {entry.where}, as {target}, then run '{step}'",
        )
    return download(address, target, sha256=expected, reporter=reporter, timeout=timeout)


def download(
    url: str,
    target: Path | str,
    *,
    sha256: str | None = None,
    reporter: Reporter | None = None,
    timeout: float = TIMEOUT,
) -> Path:
    """Fetch ``url`` to ``target``; with a ``sha256`` (whole or its first digits) it is checked.

    What has arrived is kept in ``<target>.part`` when the connection breaks, and continued
    next time if a ``sha256`` can tell that both halves belong together. Raises
    ``WeightsError``; a file with a wrong checksum is removed.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError(
            "not a web address", field="url", got=url, expected="http://… or https://…"
        )
    place = Path(target)
    part = place.with_name(place.name + ".part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if sha256 is None:
            part.unlink(missing_ok=True)
        _receive(url, part, reporter or SilentReporter(), timeout)
        _check(part, sha256, url)
        part.replace(place)
    except urllib.error.HTTPError as error:
        raise _refusal(url, error) from error
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        ConnectionError,
        TimeoutError,
    ) as error:
        reason = getattr(error, "reason", error)
        raise WeightsError(
            "the connection failed",
            file=url,
            got=str(reason) or type(reason).__name__,
            remedy="Check the network and run the same command again to continue",
        ) from error
    except OSError as error:
        full = error.errno == errno.ENOSPC
        raise WeightsError(
            "no space left for the file" if full else "cannot write the fetched file",
            file=place,
            got=error.strerror or str(error),
            remedy="Free some space or name another folder",
        ) from error
    return place


def _receive(url: str, part: Path, reporter: Reporter, timeout: float) -> None:
    """Bring ``part`` to its full length, continuing it where the server can."""
    response = _open(url, part, timeout)
    if response is None:
        return
    with response:
        present = _size(part) if response.status == PARTIAL else 0
        length = response.headers.get("Content-Length")
        total = present + int(length) if length and length.isdigit() else None
        if total is not None:
            _require_space(part, total - present)
        task = f"fetching {part.stem}"
        reporter.start(task, total)
        try:
            reporter.advance(task, present)
            with part.open("ab" if present else "wb") as stream:
                while chunk := response.read(CHUNK):
                    stream.write(chunk)
                    reporter.advance(task, len(chunk))
        finally:
            reporter.finish(task)
    if total is not None and _size(part) < total:
        raise http.client.HTTPException(f"it ended after {_size(part)} of {total} bytes")


def _open(url: str, part: Path, timeout: float) -> http.client.HTTPResponse | None:
    """Return the server's answer with what ``part`` lacks, or all; None if it lacks nothing."""
    present = _size(part)
    headers = {"User-Agent": "handful", "Accept-Encoding": "identity"}
    if present:
        headers["Range"] = f"bytes={present}-"
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=timeout
        )
    except urllib.error.HTTPError as error:
        if error.code != RANGE_NOT_SATISFIABLE or not present:
            raise
        if error.headers.get("Content-Range") == f"bytes */{present}":
            return None
        part.unlink()
        return _open(url, part, timeout)
    wanted = f"bytes {present}-"
    if response.status == PARTIAL and not (response.headers.get("Content-Range") or "").startswith(
        wanted
    ):
        response.close()
        part.unlink()
        return _open(url, part, timeout)
    return response


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _require_space(part: Path, needed: int) -> None:
    if shutil.disk_usage(part.parent).free < needed:
        raise OSError(errno.ENOSPC, f"{needed / 1e6:.0f} MB more are needed")


def _check(part: Path, sha256: str | None, url: str) -> None:
    if sha256 is None:
        return
    found = file_sha256(part)
    if not found.startswith(sha256.lower()):
        part.unlink()
        raise WeightsError(
            "the fetched file has a wrong checksum and was removed",
            file=url,
            got=f"sha256 {found[: len(sha256)]}",
            expected=sha256.lower(),
            remedy="Run the command again; if it stays wrong, the file was changed",
        )


def _refusal(url: str, error: urllib.error.HTTPError) -> WeightsError:
    gone = error.code in (404, 410)
    return WeightsError(
        "the file is no longer at its address" if gone else "the server refused the file",
        file=url,
        got=f"{error.code} {error.reason}",
        remedy="Give another address with --url" if gone else "Try again later",
    )
