"""Annotations of Pascal VOC: an XML file for each picture."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from onnxplain.boundary import unnamed
from onnxplain.errors import UsageError
from onnxplain.inputs.annotations.annotation import Annotation, Marked, Read, Sides, sides_of
from onnxplain.inputs.annotations.safe_xml import Element, read_xml

SUFFIX = ".xml"


def read_voc(files: Iterable[Path]) -> Read:
    """Read XML files of Pascal VOC.

    ``xmin`` and ``ymin`` are the first pixels of the object, counted from 1, ``xmax`` and
    ``ymax`` its last ones. Objects that are ``difficult`` count neither as found nor as missed.
    Classes are those that occur.

    Parameters
    ----------
    files : iterable of Path
        One for each picture; a picture without one is not annotated.
    """
    found = Read("Pascal VOC", by_stem=True)
    for file in files:
        root = _root(file, found)
        if root is None:
            found.entries.append((str(file), None))
            continue
        objects = []
        for number, one in enumerate(root.all("object"), 1):
            label, sides = one.said("name"), _sides(one)
            if not label or sides is None:
                found.problems.append(
                    f"{str(file)!r}: object {number} has no name or no bndbox of xmin, ymin, "
                    "xmax and ymax; left out"
                )
            else:
                difficult = one.said("difficult").lower() not in ("", "0", "false")
                objects.append(Marked(label, sides, "difficult" if difficult else ""))
        found.entries.append((str(file), Annotation(tuple(objects), size=_size(root))))
        found.names.extend(str(o.label) for o in objects)
    found.names = list(dict.fromkeys(found.names))
    return found


def _root(file: Path, found: Read) -> Element | None:
    """Return what a file holds; a problem is noted."""
    try:
        root = read_xml(file)
    except (ValueError, UsageError) as error:
        why = unnamed(error, file) if isinstance(error, UsageError) else str(error)
    else:
        if root.tag == "annotation":
            return root
        why = f"it begins with <{root.tag}>, not with <annotation> as Pascal VOC"
    found.problems.append(f"{str(file)!r}: {why}; its picture is not counted")
    return None


def _sides(one: Element) -> Sides | None:
    boxes = one.all("bndbox")
    if not boxes:
        return None
    try:
        left, top, right, bottom = (
            float(boxes[0].said(k)) for k in ("xmin", "ymin", "xmax", "ymax")
        )
    except ValueError:
        return None
    # From pixels counted from 1 to edges counted from 0.
    return sides_of((left - 1, top - 1, right, bottom))


def _size(root: Element) -> tuple[int, int] | None:
    sizes = root.all("size")
    said = [sizes[0].said(k) for k in ("width", "height")] if sizes else []
    if len(said) != 2 or not all(s.isdecimal() and len(s) < 9 and int(s) > 0 for s in said):
        return None  # some tools write 0 x 0
    return (int(said[0]), int(said[1]))
