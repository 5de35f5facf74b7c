"""Tell the format of annotations by what is in a file or a folder, and read them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.files import read_json, why_no_file
from onnxplain.inputs.annotations import voc, yolo
from onnxplain.inputs.annotations.annotation import Read
from onnxplain.inputs.annotations.coco import is_coco, read_coco
from onnxplain.inputs.annotations.plain_boxes import is_plain, read_plain
from onnxplain.inputs.annotations.voc import read_voc
from onnxplain.inputs.annotations.yolo import find_names, read_yolo

# The annotations of 118,000 pictures have 450 million.
_MOST_BYTES = 1_000_000_000
_FORMS = (
    "a JSON file of COCO, a data.yaml or a folder of YOLO's labels (.txt), a folder of Pascal "
    "VOC's annotations (.xml), or a JSON object {picture: [{class, box}]}"
)


def read_annotations(path: str | Path, stems: frozenset[str]) -> Read:
    """Read annotations of whatever format they are.

    Parameters
    ----------
    path : path
        A file, or a folder that is searched to its bottom.
    stems : set of str
        Names of the pictures without their endings: other text and XML files of a folder are
        left alone.

    Raises
    ------
    UsageError
        If there is nothing, it is of no format or of several, or a file for all pictures cannot
        be read. What is wrong with one picture's annotation is a problem of `Read`.
    """
    path = Path(path)
    if os.path.isdir(path):
        return _in_folder(path, stems)
    problem = why_no_file(path)
    if problem:
        raise UsageError(f"no annotations at {str(path)!r}: {problem}; give {_FORMS}")
    suffix = path.suffix.lower()
    if suffix == ".json":
        return _of_json(path)
    if suffix in yolo.YAML:
        return read_yolo(_files(path.parent, yolo.SUFFIX, stems), path)
    if suffix == voc.SUFFIX:
        return read_voc([path])
    raise UsageError(f"annotations {str(path)!r} have an unknown format; give {_FORMS}")


def _of_json(path: Path) -> Read:
    data = read_json(path, "annotations", _MOST_BYTES)
    if is_coco(data):
        return read_coco(data, str(path))
    if is_plain(data):
        return read_plain(data, str(path))
    found = " (it holds detections)" if _is_results(data) else ""
    raise UsageError(f"annotations {str(path)!r} have an unknown format{found}; give {_FORMS}")


def _is_results(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], dict) and "bbox" in data[0]


def _in_folder(folder: Path, stems: frozenset[str]) -> Read:
    rows, trees = (_files(folder, s, stems) for s in (yolo.SUFFIX, voc.SUFFIX))
    # Beside labels or trees a JSON file may be anything.
    tables = [] if rows or trees else _tables(folder, stems)
    kinds = {"YOLO": rows, "Pascal VOC": trees, "JSON": tables}
    there = [name for name, found in kinds.items() if found]
    if not there:
        raise UsageError(f"no annotations of the pictures in {str(folder)!r}; give {_FORMS}")
    if len(there) > 1:
        raise UsageError(
            f"{str(folder)!r} holds annotations of {' and '.join(there)}; name the folder or the "
            "file of one of them"
        )
    if rows:
        return read_yolo(rows, find_names(folder))
    return read_voc(trees) if trees else _together([_of_json(p) for p in tables])


def _files(folder: Path, suffix: str, stems: frozenset[str]) -> list[Path]:
    return sorted(p for p in folder.rglob(f"*{suffix}") if p.stem in stems and not p.is_dir())


def _tables(folder: Path, stems: frozenset[str]) -> list[Path]:
    """JSON files with COCO's lists or boxes of the pictures; other ones are none of ours."""
    found = []
    for path in sorted(folder.rglob("*.json")):
        if why_no_file(path):
            continue
        try:
            data = read_json(path, "annotations", _MOST_BYTES)
        except UsageError:
            continue
        if is_coco(data) or (is_plain(data) and any(Path(k).stem in stems for k in data)):
            found.append(path)
    return found


def _together(parts: Sequence[Read]) -> Read:
    """Join the files of several folders of pictures."""
    whole = parts[0]
    for part in parts[1:]:
        whole.names = list(dict.fromkeys([*whole.names, *part.names]))
        whole.entries += part.entries
        whole.problems += part.problems
    return whole
