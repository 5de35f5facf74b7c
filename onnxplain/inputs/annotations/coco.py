"""Annotations of COCO: one JSON file for all pictures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.inputs.annotations.annotation import Annotation, Marked, Read, Sides, sides_of

_WHAT = "write 'images', 'annotations' and 'categories' as lists of objects, as COCO does"


def is_coco(data: Any) -> bool:
    """Whether JSON data has the lists of COCO's annotations."""
    return isinstance(data, dict) and {"images", "annotations"} <= data.keys()


def read_coco(data: Mapping[str, Any], where: str) -> Read:
    """Read annotations of objects in COCO's format.

    Boxes are left, top, width and height in pixels. Objects with ``iscrowd`` stand for many:
    they count neither as found nor as missed.

    Raises
    ------
    UsageError
        If the lists are not there. A single entry that cannot be read is a problem of `Read`.
    """
    images, drawn, kinds = (data.get(k, ()) for k in ("images", "annotations", "categories"))
    if not all(isinstance(part, list) for part in (images, drawn, kinds)):
        raise UsageError(f"annotations {where!r}: {_WHAT}")
    found = Read("COCO")
    names = _by_id(kinds, "category", "name", found)
    found.names = list(dict.fromkeys(names.values()))
    files = _by_id(images, "image", "file_name", found)
    sizes = {_key(i.get("id")): _size(i) for i in images if isinstance(i, dict)}
    objects: dict[Any, list[Marked]] = defaultdict(list)
    for number, one in enumerate(drawn):
        problem = _add(one, files, names, objects)
        if problem:
            found.problems.append(f"{where}: annotations[{number}]: {problem}; left out")
    found.entries = [
        (name, Annotation(tuple(objects[key]), size=sizes.get(key))) for key, name in files.items()
    ]
    return found


def _add(
    one: Any,
    files: Mapping[Any, str],
    names: Mapping[Any, str],
    objects: Mapping[Any, list[Marked]],
) -> str:
    """Add one object to those of its picture; say why if that cannot be."""
    if not isinstance(one, dict):
        return "it is not an object"
    image, kind = _key(one.get("image_id")), _key(one.get("category_id"))
    if image not in files:
        return f"no image has the id {image!r}"
    if kind not in names:
        return f"no category has the id {kind!r}"
    sides = _sides(one.get("bbox"))
    if sides is None:
        return f"'bbox' is {str(one.get('bbox'))[:60]}; left, top, width and height are needed"
    objects[image].append(Marked(names[kind], sides, "crowd" if _is_crowd(one) else ""))
    return ""


def _is_crowd(one: Mapping[str, Any]) -> bool:
    return str(one.get("iscrowd", 0)).lower() not in ("0", "0.0", "false", "none", "")


def _by_id(entries: Sequence[Any], what: str, key: str, found: Read) -> dict[Any, str]:
    """Text of each entry by its id, and a problem for what has none."""
    known: dict[Any, str] = {}
    for number, entry in enumerate(entries):
        text = entry.get(key) if isinstance(entry, dict) else None
        if not isinstance(text, str) or not text.strip() or _key(entry.get("id")) is None:
            found.problems.append(f"{what} {number} has no 'id' or no {key!r}; left out")
        elif _key(entry["id"]) in known:
            found.problems.append(f"{what} {number}: its id {entry['id']!r} is taken; left out")
        else:
            known[_key(entry["id"])] = text.strip()
    return known


def _key(value: Any) -> Any:
    """An id: whole numbers and text are; 1.0 is 1."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, (int, str)) and not isinstance(value, bool) else None


def _sides(box: Any) -> Sides | None:
    if not isinstance(box, list) or len(box) != 4:
        return None
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in box):
        return None
    left, top, width, height = box
    return sides_of((left, top, left + width, top + height))


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    width, height = (_key(image.get(k)) for k in ("width", "height"))
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return (width, height)
    return None
