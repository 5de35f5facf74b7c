"""Make the report of a finished audit from its files: nothing is computed again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from onnxplain.audit.record import RECORD, read_record
from onnxplain.audit.records.record import Head
from onnxplain.audit.run import STORE
from onnxplain.audit.sources import kept_inside, require_told
from onnxplain.audit.stored import StoredMaps
from onnxplain.errors import ImageError, UsageError
from onnxplain.inputs.dataset import Sample, read_dataset
from onnxplain.report.content import Content, content


def read_again(folder: str | Path, data: str | Path | None = None) -> tuple[Content, list[str]]:
    """Read what a report of an audit shows.

    Parameters
    ----------
    folder : path
        Folder of the audit, with its record and, for the maps of single pictures, its
        store of results.
    data : path, optional
        Where the data set is. If not given, only what lies in the folder is read.

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
        files = {s.name: s.path for s in _photos(folder, data, record.data.source)}
    except (UsageError, ImageError) as error:
        lacking.append(f"no photos are shown: {error}")
    with ExitStack() as stack:
        store = None
        if os.path.exists(folder / STORE):
            store = stack.enter_context(StoredMaps(folder / STORE, identity(record)))
        else:
            lacking.append(f"no maps of single pictures are shown: there is no {folder / STORE}")
        maps = store.map if store is not None else lambda number, method: None
        return content(record, lambda: record.pictures, files, maps), lacking


def _photos(folder: Path, data: str | Path | None, recorded: str) -> list[Sample]:
    if data is not None:
        return read_dataset(data)
    there = require_told(None, folder, recorded, "--data")
    return kept_inside(read_dataset(there), folder)


def identity(record: Head) -> dict[str, str]:
    """Digests by which a store of results belongs to a record."""
    return {
        **record.model.digests,
        "preprocess": record.preprocess.sha256,
        "questions": record.questions.config.sha256,
    }
