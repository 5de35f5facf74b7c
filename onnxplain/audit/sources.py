"""Where the files of a record are: in its own folder, or where somebody says.

A record may come from anybody. Paths and patterns in it are shown, and not followed out of the
folder that it stands in: they could walk a disk, or bring pictures of it into a report.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.datasets import read_datasets, standing_for
from onnxplain.inputs.image_formats import SUFFIXES
from onnxplain.text import shown

_LISTED = 5


def in_folder(folder: str | Path | None, recorded: str) -> Path | None:
    """Return what a record names, if that lies in the record's folder, and is no pattern.

    Parameters
    ----------
    folder : path, optional
        The record's; nothing lies in one that is not known.
    recorded : str
        What it says, relative to the folder or to where the audit was started.
    """
    if folder is None:
        return None
    for start in (folder, os.curdir):
        try:
            path = Path(start, recorded)
            if os.path.exists(path) and is_inside(path, folder):
                return path
        except ValueError:  # a NUL
            return None
    return None


def is_inside(path: str | Path, folder: str | Path) -> bool:
    """Whether a path leads, links followed, into a folder and not to the folder itself."""
    inner, outer = os.path.realpath(path), os.path.realpath(folder)
    return inner != outer and os.path.commonpath([inner, outer]) == outer


def require_told(told: str | None, folder: str | Path | None, recorded: str, option: str) -> str:
    """Return where something is, as it was told or as it lies in the record's folder.

    Raises
    ------
    UsageError
        If neither; the option that tells it is named.
    """
    found = told or in_folder(folder, recorded)
    if found is None:
        raise UsageError(not_followed(recorded, option))
    return str(found)


def recorded_data(
    told: Sequence[str | Path],
    folder: str | Path,
    recorded: Sequence[str],
    masks: str | Path | None = None,
    groups: str | None = None,
) -> list[Sample]:
    """List the pictures of a record's data, by the names that they have in it.

    Parameters
    ----------
    told : sequence of path
        Where the data are, as many sources as are recorded; of pictures that were given one by
        one also the folder in which all of them lie. If empty, only what lies in the record's
        folder is read.
    folder : path
        The record's.
    recorded : sequence of str
        Where the record says that they were.
    masks, groups : path, str, optional
        See `read_datasets`.

    Raises
    ------
    UsageError
        If a source is neither told nor in the folder, or more or fewer are told than the record
        has.
    ImageError
        If there is no picture in one of them.
    """
    if not told:
        places = [require_told(None, folder, source, "--data") for source in recorded]
        return kept_inside(
            read_datasets(places, masks=masks, groups=groups, names=recorded), folder
        )
    if len(recorded) > len(told) == 1 and (files := _one_by_one(told[0], recorded)):
        return read_datasets(list(files), masks=masks, groups=groups, names=list(files.values()))
    names = standing_for([str(t) for t in told], recorded)
    if names is None and len(recorded) > 1:
        listed = ", ".join(shown(source[:80]) for source in recorded[:_LISTED])
        more = ", ..." if len(recorded) > _LISTED else ""
        raise UsageError(
            f"the record has {len(recorded)} sources of data: {listed}{more}; give --data once "
            "for each of them"
        )
    return read_datasets(list(told), masks=masks, groups=groups, names=names)


def _one_by_one(folder: str | Path, recorded: Sequence[str]) -> dict[Path, str]:
    """Pictures in a folder that were given one by one, with their recorded names."""
    found = {Path(folder, Path(r).name): r for r in recorded if Path(r).suffix.lower() in SUFFIXES}
    if len(found) < len(recorded):
        return {}
    return {path: name for path, name in found.items() if os.path.isfile(path)}


def not_followed(recorded: str, option: str) -> str:
    """Say that a record's path is not followed."""
    return (
        f"the record says {shown(recorded[:200])!r}, which is not in its folder and is not "
        f"followed; give it with {option}"
    )


def kept_inside(samples: Iterable[Sample], folder: str | Path) -> list[Sample]:
    """Those samples whose files lie in a folder: a table in it may name any file."""
    return [
        s
        for s in samples
        if is_inside(s.path, folder) and (s.mask is None or is_inside(s.mask, folder))
    ]
