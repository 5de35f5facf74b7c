"""A dossier as ``onnxplain verify`` takes it: the tree first, then what lies in it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from onnxplain.audit.record import RECORD
from onnxplain.audit.records.record import Record
from onnxplain.audit.sources import recorded_data
from onnxplain.cli.console import document, line, remark
from onnxplain.dossier.check import check_dossier, is_dossier
from onnxplain.dossier.copies import MODEL
from onnxplain.dossier.pictures import kept_samples
from onnxplain.dossier.tree import TREE, path_problem
from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import Sample

_LISTED = 20


def tree_differs(record: str, key: str | None, *, quiet: bool, as_json: bool) -> bool:
    """Check the tree and signature of a dossier, and print what differs.

    Raises
    ------
    UsageError
        If a key is given and there is no dossier, or it cannot be read.
    """
    if not is_dossier(record):
        if key is not None:
            raise UsageError(
                f"--key goes with a dossier, a folder that holds {TREE}; {record!r} does not"
            )
        return False
    checked = check_dossier(record, key)
    for text in checked.remarks:
        remark(f"note: not checked: {text}")
    if checked.problems and as_json:
        document({"reproduces": False, "differing_files": checked.problems})
    elif not quiet:
        for text in checked.problems[:_LISTED]:
            line(f"differs: {text}")
        if len(checked.problems) > _LISTED:
            line(f"and {len(checked.problems) - _LISTED} more")
        differs = "the dossier is not as it was written; nothing else was checked"
        line(differs if checked.problems else "every file of the dossier is as it was written")
    return bool(checked.problems)


def record_file(record: str) -> str:
    """Return the record: in a dossier, or the file itself."""
    return os.path.join(record, RECORD) if is_dossier(record) else record


def kept_model(folder: str, known: Record) -> str | None:
    """Return the model file of a dossier, if it is there."""
    if not is_dossier(folder) or not known.model.files:
        return None
    location = known.model.files[0].location
    path = Path(folder, MODEL, location)
    return str(path) if not path_problem(location) and path.is_file() else None


def data_of(folder: str, known: Record, data: Sequence[str], masks: str | None) -> list[Sample]:
    """Return the pictures: as they are told, or as the dossier keeps them."""
    if not data and masks is None and is_dossier(folder) and (kept := kept_samples(folder)):
        return kept
    return recorded_data(data, folder, known.data.sources, masks, known.data.groups)
