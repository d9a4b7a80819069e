"""PASCAL VOC folders: ``Annotations/*.xml`` beside ``JPEGImages/``.

VOC counts pixels from 1 and names the first and the last pixel inside a box: xmin - 1, ymin - 1,
xmax, ymax are our corners. It knows no crowds; a crowd is written as difficult.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from handful.data.dataset import Dataset, Picture
from handful.data.formats.format import Format
from handful.data.formats.output import picture_stems, replacing_folder, save_picture
from handful.data.formats.records import (
    Rows,
    checked_box,
    missing_picture,
    require_size,
    truth,
    written_number,
)
from handful.data.images import IMAGE_SUFFIXES
from handful.errors import DataError
from handful.files import write_text
from handful.reporter import Reporter, track

CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read(path: Path, *, images: Path | None = None, require_pictures: bool = True) -> Dataset:
    """Read a VOC folder, or the part that a list in its ``ImageSets/Main/`` names.

    Classes are the names met, sorted. Pictures are looked for in ``JPEGImages/``, beside the
    XML, then in ``images``. Raises ``DataError`` naming file and object on anything odd.
    """
    place = Path(path)
    rows = Rows()
    pictures: list[Picture] = []
    names: list[str] = []
    missing: list[tuple[Path, str]] = []
    for file in _annotation_files(place):
        root = read_xml(file)
        source, found = _find_picture(root, file, images)
        if not found:
            missing.append((file, source.name))
        height, width = _size(root, source, file)
        for position, element in enumerate(root.iter("object")):
            name, box, difficult = read_object(element, file, position)
            corners = (box[0] - 1, box[1] - 1, box[2], box[3])
            owner = f"object {position + 1} ({name})"
            rows.add(
                len(pictures),
                checked_box(corners, (height, width), file=file, owner=owner),
                0,
                difficult=difficult,
            )
            names.append(name)
        pictures.append(Picture(len(pictures) + 1, source.name, width, height, source))
    if missing and require_pictures:
        file, name = missing[0]
        raise missing_picture(name, file=file, owner="the annotation", others=len(missing) - 1)
    class_names = tuple(sorted(set(names)))
    rows.labels = [class_names.index(name) for name in names]
    return Dataset(place.stem, tuple(pictures), rows.table(), class_names)


def write(dataset: Dataset, path: Path, *, reporter: Reporter) -> None:
    """Write ``dataset`` as the new VOC folder ``path``, pictures copied into it."""
    stems = picture_stems(dataset.pictures)
    with replacing_folder(path) as folder:
        for part in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (folder / part).mkdir(parents=True)
        steps = range(len(dataset.pictures))
        for index in track(steps, reporter, "writing pictures", len(steps)):
            picture = dataset.pictures[index]
            name = save_picture(picture, folder / "JPEGImages", stems[index])
            tree = _annotation(dataset, index, name)
            ElementTree.indent(tree)
            text = ElementTree.tostring(tree, encoding="unicode") + "\n"
            write_text(folder / "Annotations" / f"{stems[index]}.xml", text)
        listing = "".join(f"{stem}\n" for stem in stems)
        write_text(folder / "ImageSets" / "Main" / "all.txt", listing)


def recognises(path: Path) -> bool:
    """Return whether ``path`` is a folder of VOC annotations or a list of its picture sets."""
    if path.is_file():
        return path.suffix == ".txt" and path.parent.parent.name == "ImageSets"
    first = next(iter(_xml_files(path)), None)
    if first is None:
        return False
    with first.open("rb") as stream:
        return b"<annotation" in stream.read(512)


def read_xml(file: Path) -> Element:
    """Return the root of an annotation file; raises ``DataError`` if it is not XML."""
    try:
        return ElementTree.parse(file).getroot()
    except FileNotFoundError as error:
        raise DataError(
            "annotation not found", file=file, remedy="Check the list that names it"
        ) from error
    except (ElementTree.ParseError, OSError, ValueError) as error:
        raise DataError(
            "not valid XML", file=file, got=str(error), remedy="Export the file again"
        ) from error


def read_object(
    element: Element, file: Path, position: int
) -> tuple[str, tuple[float, float, float, float], bool]:
    """Return name, xmin, ymin, xmax, ymax as the file writes them, and difficult."""
    owner = f"object {position + 1}"
    name = (element.findtext("name") or "").strip()
    if not name:
        raise DataError(f"{owner} lacks a field", file=file, field="name", remedy="Name its class")
    left, top, right, bottom = (
        _number(element, f"bndbox/{corner}", file, owner) for corner in CORNERS
    )
    return name, (left, top, right, bottom), truth(element.findtext("difficult", "0"))


def read_size(root: Element, file: Path) -> tuple[int, int] | None:
    """Return (height, width) if the file says it; some tools write 0 for unknown."""
    if root.find("size") is None:
        return None
    height, width = (
        _number(root, f"size/{side}", file, "the annotation") for side in ("height", "width")
    )
    return (int(height), int(width)) if height >= 1 and width >= 1 else None


def _size(root: Element, source: Path, file: Path) -> tuple[int, int]:
    return read_size(root, file) or require_size(source, file=file)


def _number(element: Element, name: str, file: Path, owner: str) -> float:
    text = element.findtext(name)
    if text is None:
        raise DataError(
            f"{owner} lacks a field", file=file, field=name, remedy="Add it, or export again"
        )
    return written_number(text, name, file=file, owner=owner)


def _xml_files(folder: Path) -> Iterator[Path]:
    nested = folder / "Annotations"
    files = (nested if nested.is_dir() else folder).glob("*.xml")
    yield from sorted(files, key=lambda file: file.stem)


def _annotation_files(place: Path) -> list[Path]:
    if place.is_file():
        stems = [line.split()[0] for line in place.read_text("utf-8").splitlines() if line.strip()]
        annotations = place.absolute().parents[2] / "Annotations"
        return [annotations / f"{stem}.xml" for stem in stems]
    files = list(_xml_files(place))
    if not files:
        raise DataError(
            "no annotations in the folder",
            file=place,
            expected="Annotations/*.xml",
            remedy="Name the folder that holds Annotations and JPEGImages",
        )
    return files


def _find_picture(root: Element, file: Path, images: Path | None) -> tuple[Path, bool]:
    """Return where the picture lies, or would lie, and whether it is there."""
    written = (root.findtext("filename") or "").strip().replace("\\", "/")
    name = written.rsplit("/", 1)[-1]
    folders = [file.parent.parent / "JPEGImages", file.parent]
    folders += [Path(images)] if images else []
    stated = [name] if Path(name).suffix.lower() in IMAGE_SUFFIXES else []
    # tools that rename pictures often leave the old name in the XML: the XML's own stem is next
    guesses = [file.stem + suffix for suffix in (".jpg", ".jpeg", ".png", ".JPG", ".bmp", ".webp")]
    for guess in stated + guesses:
        for folder in folders:
            if (folder / guess).is_file():
                return folder / guess, True
    return folders[0] / (stated + guesses)[0], False


def _annotation(dataset: Dataset, index: int, file_name: str) -> Element:
    picture = dataset.pictures[index]
    root = Element("annotation")
    SubElement(root, "folder").text = "JPEGImages"
    SubElement(root, "filename").text = file_name
    size = SubElement(root, "size")
    for side, value in (("width", picture.width), ("height", picture.height), ("depth", 3)):
        SubElement(size, side).text = str(value)
    table = dataset.table[dataset.rows(index)]
    for row in range(len(table)):
        element = SubElement(root, "object")
        SubElement(element, "name").text = dataset.class_names[int(table.labels[row])]
        skipped = bool(table.difficult[row]) or bool(table.crowd[row])
        SubElement(element, "difficult").text = str(int(skipped))
        left, top, right, bottom = table.boxes[row].tolist()
        corners = SubElement(element, "bndbox")
        for corner, value in zip(CORNERS, (left + 1, top + 1, right, bottom), strict=True):
            SubElement(corners, corner).text = f"{round(value, 4):.10g}"
    return root


FORMAT = Format(
    name="voc",
    description="PASCAL VOC folder: Annotations/*.xml, JPEGImages/",
    read=read,
    write=write,
    recognises=recognises,
    keeps=frozenset({"scenes", "difficult"}),
)
