"""What ``onnxplain verify`` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from onnxplain.audit.named_files import with_files
from onnxplain.audit.record import read_record
from onnxplain.audit.records.record import Record
from onnxplain.audit.sources import require_told
from onnxplain.audit.verify.verify import open_recorded_model, other_versions, verify
from onnxplain.cli.boxes import with_boxes
from onnxplain.cli.changed import tell_changed
from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.dossier_check import data_of, kept_model, record_file, tree_differs
from onnxplain.cli.progress import progress_bar

_DIFFERS = 1


def run(
    *,
    record: str,
    model: str | None,
    data: Sequence[str],
    masks: str | None,
    boxes: str | None,
    files: Sequence[str],
    key: str | None,
    count: int,
    quiet: bool,
    as_json: bool,
    **opening: Any,
) -> int:
    """Verify a record, print each figure, and return the exit code.

    Raises
    ------
    OnnxplainError
        If the record, the model or the data cannot be read.
    """
    if tree_differs(record, key, quiet=quiet, as_json=as_json):
        return _DIFFERS
    record = record_file(record)
    folder = os.path.dirname(os.path.abspath(record))
    known = with_files(read_record(record), folder, files)
    places = _places(known, folder, model or kept_model(folder, known), boxes)
    there = data_of(folder, known, data, masks)
    opened = open_recorded_model(known, places["model"], **opening)
    samples, truth = with_boxes(there, places.get("boxes"), masks, opened)
    with progress_bar(min(count, len(known.pictures)), quiet=quiet) as bar:
        bar.job("examining again")
        found = verify(
            known, opened, samples, count, lambda done, total: bar.finish(), truth=truth,
            follow_record=True,  # `with_files` has seen to what its questions name
        )  # fmt: skip
    checks = found.checks
    failed = [c for c in checks if not c.reproduces]
    versions = other_versions(known)
    if as_json:
        figures = [{**asdict(c), "reproduces": c.reproduces} for c in checks]
        document(
            {
                "reproduces": not failed,
                "figures": figures,
                "not_checked": found.not_checked,
                "other_versions": versions,
            }
        )
    elif not quiet:
        rows = [
            [c.figure, c.compared, c.largest, c.tolerance, "yes" if c.reproduces else c.said()]
            for c in checks
        ]
        columns = ("figure", "compared", "largest difference", "tolerance", "reproduces")
        table(f"Record of {known.model.name}", columns, rows)
        line()
        line(
            "the record does not reproduce" if failed else "everything that was checked reproduces"
        )
        for text in found.not_checked:
            line(f"not checked: {text}")
    tell_changed(opened)
    for text in versions:
        remark(f"note: {text}")
    if not known.complete:
        remark("note: the record is of an audit that was stopped")
    return _DIFFERS if failed else 0


def _places(known: Record, folder: str, model: str | None, boxes: str | None) -> dict[str, str]:
    """Where model and boxes are.

    Raises
    ------
    UsageError
        If somebody has to say it.
    """
    asked = {"model": (model, known.model.source)}
    if boxes or known.data.boxes:
        asked["boxes"] = (boxes, known.data.boxes or "")
    return {
        what: require_told(told, folder, recorded, f"--{what}")
        for what, (told, recorded) in asked.items()
    }
