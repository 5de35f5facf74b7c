"""The pictures of a dossier: copied, named by number, and found again by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onnxplain.audit.records.record import Record
from onnxplain.dossier.copies import copy_checked
from onnxplain.dossier.tree import path_problem
from onnxplain.errors import UsageError
from onnxplain.files import read_json, write_json
from onnxplain.inputs.dataset import Sample

PICTURES = "pictures.json"
_FOLDERS = {"file": "pictures", "mask": "masks"}
_LONGEST = 80


def copy_pictures(record: Record, samples: Sequence[Sample], folder: Path) -> list[str]:
    """Copy pictures and masks, and write `PICTURES`.

    Parameters
    ----------
    record : Record
        Says which pictures, and their digests.
    samples : sequence of Sample
        Where they are.
    folder : path
        The dossier.

    Returns
    -------
    list of str
        What could not be included.

    Raises
    ------
    UsageError
        If a picture is missing, or is not the one that was examined.
    """
    by_name = {sample.name: sample for sample in samples}
    entries, lacking = [], []
    for picture in record.pictures:
        sample = by_name.get(picture.name)
        if sample is None:
            raise UsageError(
                f"the data have no picture {picture.name!r}, which the record names; give "
                "the data as they were given to the audit, with --data"
            )
        digests = {"file": picture.file_sha256, "mask": picture.mask_sha256 or None}
        entry: dict[str, Any] = {"name": picture.name, "number": picture.number}
        entry |= {"label": sample.label, "boxes": [list(b) for b in sample.boxes]}
        if sample.group is not None:
            entry["group"] = sample.group
        for kind, path in (("file", sample.path), ("mask", sample.mask)):
            digest = digests[kind]
            if path is not None and isinstance(digest, str) and digest:
                name = f"{_FOLDERS[kind]}/{picture.number:06d}-{_safe(path.name)}"
                copy_checked(path, folder / name, digest, f"{kind} of {picture.name!r}")
                entry[kind] = name
        if "file" not in entry:
            lacking.append(f"{picture.name}: the audit could not read it")
        entries.append(entry)
    write_json(folder / PICTURES, entries)
    return lacking


def kept_samples(folder: str | Path) -> list[Sample] | None:
    """Pictures that a dossier holds, by the names that the record knows; ``None`` if it has none.

    Raises
    ------
    UsageError
        If `PICTURES` cannot be understood, or names a path outside of the dossier.
    """
    entries = read_json(Path(folder, PICTURES), "pictures")
    try:
        if not (isinstance(entries, list) and all(isinstance(e, dict) for e in entries)):
            raise ValueError("a list of objects is expected")
        kept = [e for e in entries if "file" in e]
        found = [_sample(Path(folder), entry) for entry in kept]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"{PICTURES} is not the list of a dossier: {error}") from error
    return found or None


def _sample(folder: Path, entry: Mapping[str, Any]) -> Sample:
    for kind in _FOLDERS:
        path = entry.get(kind)
        if path is not None and (not isinstance(path, str) or path_problem(path)):
            raise ValueError(f"the path {path!r} is not allowed")
    boxes = tuple((float(a), float(b), float(c), float(d)) for a, b, c, d in entry["boxes"])
    mask = entry.get("mask")
    label, group = entry["label"], entry.get("group")
    if not all(text is None or isinstance(text, str) for text in (label, group)):
        raise ValueError("a label and a group must be text")
    return Sample(
        str(entry["name"]),
        folder / entry["file"],
        label,
        folder / mask if mask else None,
        boxes,
        group=group,
    )


def _safe(name: str) -> str:
    """Return a file name that every system can hold."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[-_LONGEST:]
