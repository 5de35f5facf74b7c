"""Where the files of a record are: in its own folder, or where somebody says.

A record may come from anybody. Paths and patterns in it are shown, and not followed out of the
folder that it stands in: they could walk a disk, or bring pictures of it into a report.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import Sample
from onnxplain.text import shown


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
