"""Files that an audit's questions name beside model and data: a picture, a mask, a background."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from onnxplain.audit.records.about import QuestionsEntry
from onnxplain.audit.records.record import Record
from onnxplain.audit.sources import in_folder, kept_inside, not_followed
from onnxplain.errors import ImageError, UsageError
from onnxplain.inputs.dataset import read_dataset
from onnxplain.inputs.image_formats import SUFFIXES
from onnxplain.targets.request import split_file

_BACKGROUND = "background"
_STORED = ".npz"
_OPTION = "--file"
Follow = Callable[[str], str]


def with_files(
    record: Record, folder: str | Path | None, told: Sequence[str], option: str = _OPTION
) -> Record:
    """Return a record whose questions name files that may be opened.

    Parameters
    ----------
    record : Record
        As it was read.
    folder : path, optional
        The record's; nothing lies in one that is not known.
    told : sequence of str
        Where files are that the record names; each stands for the one of the same name.
    option : str
        What tells them, for messages.

    Raises
    ------
    UsageError
        If a file is not told and does not lie in the folder, or none has the name of one told.
    """
    unused = list(told)

    def follow(named: str) -> str:
        for path in told:
            if Path(path).name == Path(named).name:
                if path in unused:
                    unused.remove(path)
                return path
        found = in_folder(folder, named)
        if found is None or folder is None or not _stays_inside(found, folder):
            raise UsageError(not_followed(named, option))
        return str(found)

    changed = _followed(record, follow)
    if unused:
        raise UsageError(f"{option} {unused[0]!r}: the record names no file of that name")
    return changed


def _followed(record: Record, follow: Follow) -> Record:
    asked = dict(record.questions.given)
    target = asked.get("target")
    files = record.said_target_files
    if isinstance(target, str):
        before, named, is_like = split_file(target)
        # A class may bear such a name, and comes first.
        if named and (is_like or target.strip().lower() not in map(str.lower, record.model.labels)):
            asked["target"] = before + follow(named)
            files = files and {follow(n) if n == named else n: d for n, d in files.items()}
    tables = asked.get("method")
    if isinstance(tables, Mapping):
        asked["method"] = {
            name: _parameters(table, follow) if isinstance(table, Mapping) else table
            for name, table in tables.items()
        }
    ran = {
        name: replace(entry, parameters=_parameters(entry.parameters, follow))
        for name, entry in record.methods.items()
    }
    return replace(
        record, questions=QuestionsEntry(asked), said_target_files=files, methods=ran
    )  # fmt: skip


def _parameters(given: Mapping[str, Any], follow: Follow) -> dict[str, Any]:
    return {
        key: follow(v) if isinstance(v, str) and v and _is_file(key, v) else v
        for key, v in given.items()
    }


def _is_file(key: str, value: str) -> bool:
    return key == _BACKGROUND or Path(value).suffix.lower() in (*SUFFIXES, _STORED)


def _stays_inside(path: Path, folder: str | Path) -> bool:
    """Whether what a folder or a table of pictures names lies in the record's folder as well."""
    if path.is_file() and path.suffix.lower() in (*SUFFIXES, _STORED):
        return True
    try:
        samples = read_dataset(path)
    except (UsageError, ImageError):
        return False
    return len(kept_inside(samples, folder)) == len(samples)
