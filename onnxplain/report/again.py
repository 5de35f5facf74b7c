"""Make the report of a finished audit from its files: nothing is computed again."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from onnxplain.audit.record import RECORD, read_record
from onnxplain.audit.records.record import Head, Record
from onnxplain.audit.run import STORE
from onnxplain.audit.sources import recorded_data
from onnxplain.audit.stored import StoredMaps
from onnxplain.errors import ImageError, UsageError
from onnxplain.report.content import Content, content


def read_again(
    folder: str | Path, data: str | Path | Sequence[str | Path] = ()
) -> tuple[Content, list[str]]:
    """Read what a report of an audit shows.

    Parameters
    ----------
    folder : path
        Folder of the audit, with its record and, for the maps of single pictures, its
        store of results.
    data : path or sequence of path
        Where the data are, each source that the audit was given. If not given, only what lies in
        the folder is read.

    Returns
    -------
    Content
        See `onnxplain.report.content`.
    list of str
        What is missing, and what the report lacks therefore.

    Raises
    ------
    UsageError
        If there is no record, or the store belongs to another audit.
    """
    folder, lacking = Path(folder), []
    record = read_record(folder / RECORD)
    files: Mapping[str, Path] = {}
    try:
        told = [data] if isinstance(data, (str, Path)) else data
        found = recorded_data(told, folder, record.data.sources, groups=record.data.groups)
        files = {s.name: s.path for s in found}
    except (UsageError, ImageError) as error:
        lacking.append(f"no photos are shown: {error}")
    shown, without = of_record(record, folder, files)
    return shown, lacking + without


def of_record(record: Record, folder: Path, files: Mapping[str, Path]) -> tuple[Content, list[str]]:
    """Return what a report of a record shows, and what is missing; see `read_again`.

    Parameters
    ----------
    record : Record
        The audit's.
    folder : path
        Folder of the audit, with its store of results.
    files : mapping of str to path
        Photos by the names of their pictures.
    """
    lacking = []
    with ExitStack() as stack:
        store = None
        if os.path.exists(folder / STORE):
            store = stack.enter_context(StoredMaps(folder / STORE, identity(record)))
        else:
            lacking.append(f"no maps of single pictures are shown: there is no {folder / STORE}")
        maps = store.map if store is not None else lambda number, method: None
        return content(record, lambda: record.pictures, files, maps), lacking


def identity(record: Head) -> dict[str, str]:
    """Digests by which a store of results belongs to a record."""
    return {
        **record.model.digests,
        "preprocess": record.preprocess.sha256,
        "questions": record.questions.config.sha256,
    }
