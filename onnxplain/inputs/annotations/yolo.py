"""Annotations of YOLO: a text file for each picture, one object in each row."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from onnxplain.errors import UsageError
from onnxplain.files import read_text, why_no_file
from onnxplain.inputs.annotations.annotation import Annotation, Marked, Read, Sides
from onnxplain.inputs.label_yaml import names_of_yaml, says_names

SUFFIX = ".txt"
YAML = (".yaml", ".yml")
_MOST_BYTES = 5_000_000
_LISTS = ("classes.txt", "obj.names", "predefined_classes.txt")
# Corners and sides are rounded when they are written.
_ROUNDED = 1e-3


def read_yolo(files: Iterable[Path], names_at: Path | None) -> Read:
    """Read label files.

    A row is a class, then centre, width and height as shares of the picture, or the corners of
    an outline, of which the box around it is taken.

    Parameters
    ----------
    files : iterable of Path
        One for each picture; a picture without one has no objects.
    names_at : Path, optional
        ``data.yaml`` or a list of class names, see `find_names`.
    """
    found = Read("YOLO", by_stem=True)
    if names_at is not None:
        found.names = _names(names_at)
        found.notes.append(f"class names are read from {str(names_at)!r}")
    else:
        found.notes.append(
            "no data.yaml or classes.txt names the classes; the model's numbers are assumed"
        )
    key_points = _has_key_points(names_at)
    for file in files:
        try:
            rows = _text(file).splitlines()
        except UsageError as error:
            found.problems.append(f"{error}; its picture is not counted")
            found.entries.append((str(file), None))
            continue
        objects = []
        for number, row in enumerate(rows, 1):
            if row.strip():
                one = _row(row.split(), found.names, key_points)
                if isinstance(one, str):
                    found.problems.append(f"{str(file)!r}, row {number}: {one}; left out")
                else:
                    objects.append(one)
        found.entries.append((str(file), Annotation(tuple(objects), shares=True)))
    return found


def find_names(folder: Path) -> Path | None:
    """File beside label files, or in one of the two folders above, that names their classes."""
    for place in (folder, folder.parent, folder.parent.parent):
        for file in sorted(p for s in YAML for p in place.glob(f"*{s}")):
            # Whatever else lies there need not be readable.
            with suppress(UsageError):
                if says_names(_text(file)):
                    return file
        for name in _LISTS:
            if (place / name).is_file():
                return place / name
    return None


def _text(path: Path) -> str:
    """Text of a small file; a pipe, whose reading may never end, is none."""
    problem = why_no_file(path)
    if problem:
        raise UsageError(f"cannot read {str(path)!r}: {problem}")
    return read_text(path, "labels", _MOST_BYTES)


def _names(path: Path) -> list[str]:
    text = _text(path)
    if path.suffix.lower() in YAML:
        return names_of_yaml(text, str(path))
    return [line.strip() for line in text.splitlines() if line.strip()]


def _has_key_points(path: Path | None) -> bool:
    if path is None or path.suffix.lower() not in YAML:
        return False
    return re.search(r"^kpt_shape\s*:", _text(path), re.M) is not None


def _row(parts: Sequence[str], names: Sequence[str], key_points: bool) -> Marked | str:
    """Object of one row, or what is wrong with it."""
    if not re.fullmatch(r"\d{1,9}(\.0+)?", parts[0], re.ASCII):
        return f"class {parts[0][:40]!r} is not a whole number"
    index = int(parts[0].partition(".")[0])
    if names and index >= len(names):
        return f"class {index} has no name; there are {len(names)}"
    try:
        numbers = [float(p) for p in parts[1:]]
    except ValueError:
        return "a side is not a number"
    count = len(numbers)
    boxed = count == 4 or (key_points and count > 4)
    placed = numbers[:4] if boxed else numbers
    if not all(math.isfinite(n) and -_ROUNDED <= n <= 1 + _ROUNDED for n in placed):
        return "sides are shares of the picture, from 0 to 1"
    if boxed:
        x, y, width, height = numbers[:4]
        sides = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    elif count >= 6 and count % 2 == 0:
        sides = _around(numbers)
    else:
        return (
            f"{count} numbers after the class; centre, width and height are four, corners an "
            "even number from six on" + ("; five are a detection with its score" * (count == 5))
        )
    if not (sides[0] < sides[2] and sides[1] < sides[3]):
        return "the box is empty"
    return Marked(names[index] if names else index, sides)


def _around(corners: Sequence[float]) -> Sides:
    across, down = corners[0::2], corners[1::2]
    return (min(across), min(down), max(across), max(down))
