"""Finding what the examples show, in one picture or many."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from handful.api.domains import in_domain
from handful.api.models import DEFAULT_MODEL, Detector, load
from handful.data.images import read_image
from handful.errors import ConfigError, DataError
from handful.files import require_writable, write_json
from handful.predict.folder import detect_files, pictures_of
from handful.predict.oneshot import Example, OneShotDetector
from handful.predict.settings import SearchOptions
from handful.report.draw import draw_detections, save_picture
from handful.reporter import Reporter, SilentReporter
from handful.structures import Detections


@dataclass(frozen=True)
class Found:
    """What was found on the picture ``file``."""

    file: Path
    detections: Detections

    def to_json(self) -> dict[str, Any]:
        """Return plain values, ready for ``json.dumps``."""
        return {"file": str(self.file), **self.detections.to_json()}


def detect(
    place: Path | str,
    *,
    like: Mapping[str, Example | Iterable[Example]] | None = None,
    model: str | Path | Detector = DEFAULT_MODEL,
    domain: str | None = None,
    device: str | None = None,
    options: SearchOptions | None = None,
    json: Path | str | None = None,
    picture: Path | str | None = None,
    reporter: Reporter | None = None,
) -> list[Found]:
    """Return what is found on the picture ``place``, or on all in that folder.

    like: examples by class name, for a model that must be shown what to find; a trained one
    knows its classes. model: name, weight file, folder of a run, or a detector, which keeps
    what it is shown. domain: of the pictures, for an adapted model. options: how to search; of a
    trained model only the score. json: file for the answers, one for all. picture: file for the
    picture with boxes drawn, or folder for the pictures of a folder. Raises ``DataError`` before
    any work for inputs that cannot be read and outputs that cannot be written.
    """
    reporter = reporter or SilentReporter()
    source, target = Path(place), None if picture is None else Path(picture)
    many = source.is_dir()
    _require_outputs(json, target, many=many)
    files = _without_drawings(pictures_of(source), source, target)
    detector = (
        load(model, device=device, reporter=reporter) if isinstance(model, (str, Path)) else model
    )
    detector = in_domain(detector, domain)
    set_up(detector, like or {}, options)
    found = []
    with _drawings(source, target, many=many) as draw:
        for file, detections in detect_files(detector, files, reporter=reporter):
            found.append(Found(file, detections))
            draw(found[-1])
        if json is not None:
            answers = [one.to_json() for one in found]
            write_json(json, {"pictures": answers} if many else answers[0])
    return found


def set_up(
    detector: Detector,
    like: Mapping[str, Example | Iterable[Example]],
    options: SearchOptions | None,
) -> None:
    """Tell the detector what to look for, and how."""
    if isinstance(detector, OneShotDetector):
        if options is not None:
            detector.settings = options.over(detector.settings)
        detector.remember(like)
        if not detector.class_names:
            raise ConfigError(
                "no example is given",
                remedy="Show one with --like [NAME=]CROP.jpg, or give a trained model",
            )
        return
    if like:
        raise ConfigError(
            "a trained model finds the classes it knows, it cannot be shown others",
            field="like",
            got=", ".join(like),
            expected=", ".join(detector.class_names),
            remedy="Leave the examples out, or take a model such as os2d-lite",
        )
    given = {} if options is None else options.given()
    score = given.pop("score", None)
    for name, value in given.items():
        raise ConfigError(
            "a trained model has no such setting", field=name, got=value, expected="only score"
        )
    if score is not None:
        detector.score, detector.suggested = score, {}


def _require_outputs(json: Path | str | None, picture: Path | None, *, many: bool) -> None:
    require_writable(json)
    if picture is None:
        return
    if many:
        if picture.exists() and not picture.is_dir():
            raise DataError(
                "pictures of a folder go into a folder",
                file=picture,
                got="a file of that name",
                remedy="Name a folder",
            )
        require_writable(picture / "picture.png")
        return
    if Image.registered_extensions().get(picture.suffix.lower()) not in Image.SAVE:
        raise DataError(
            "not a picture format",
            file=picture,
            got=picture.suffix or "no ending",
            expected=".png, .jpg or another ending of a picture",
        )
    require_writable(picture)


def _without_drawings(files: Sequence[Path], source: Path, target: Path | None) -> list[Path]:
    """Return ``files`` without what an earlier run has drawn into a folder inside ``source``."""
    if target is None or target.resolve() == source.resolve():
        return list(files)
    return [file for file in files if not file.resolve().is_relative_to(target.resolve() / "")]


@contextmanager
def _drawings(
    source: Path, target: Path | None, *, many: bool
) -> Iterator[Callable[[Found], object]]:
    """Yield what draws one answer; pictures of a folder appear together, once all are drawn."""
    if target is None:
        yield lambda found: None
        return
    if not many:
        yield lambda found: _draw(found, target)
        return
    place = target
    while not place.is_dir():
        place = place.parent
    with tempfile.TemporaryDirectory(dir=place, prefix=".handful-") as folder:
        staging = Path(folder)
        yield lambda found: _draw(found, staging / found.file.relative_to(source))
        for drawn in sorted(path for path in staging.rglob("*") if path.is_file()):
            final = target / drawn.relative_to(staging)
            final.parent.mkdir(parents=True, exist_ok=True)
            drawn.replace(final)


def _draw(found: Found, path: Path) -> Path:
    return save_picture(draw_detections(read_image(found.file), found.detections), path)
