"""The plainest annotations: a JSON object of pictures, with a list of boxes for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnxplain.inputs.annotations.annotation import Annotation, Marked, Read, sides_of


def is_plain(data: Any) -> bool:
    """Whether JSON data is an object whose every value is a list."""
    return isinstance(data, dict) and bool(data) and all(isinstance(v, list) for v in data.values())


def read_plain(data: Mapping[str, Any], where: str) -> Read:
    """Read ``{"a.png": [{"class": "star", "box": [left, top, right, bottom]}]}``.

    Sides are edges in pixels of the picture: right and bottom are those of the first pixels
    past the object.
    """
    found = Read("plain")
    for file, entries in data.items():
        objects = []
        for number, entry in enumerate(entries):
            label, box = (
                (entry.get("class"), entry.get("box")) if isinstance(entry, dict) else (None, None)
            )
            sides = sides_of(box) if isinstance(box, list) else None
            if not isinstance(label, str) or not label.strip() or sides is None:
                found.problems.append(
                    f"{where}: object {number} of {file!r} has no 'class' or no 'box' of left, "
                    "top, right and bottom; left out"
                )
            else:
                objects.append(Marked(label.strip(), sides))
        found.entries.append((file, Annotation(tuple(objects))))
        found.names.extend(str(o.label) for o in objects)
    found.names = list(dict.fromkeys(found.names))
    return found
