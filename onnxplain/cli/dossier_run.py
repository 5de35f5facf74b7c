"""What ``onnxplain dossier`` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from onnxplain.audit.record import RECORD, read_record
from onnxplain.audit.run import STORE
from onnxplain.audit.sources import recorded_data, require_told
from onnxplain.audit.stored import StoredMaps
from onnxplain.cli.console import document, line, remark
from onnxplain.dossier.archive import write_archive
from onnxplain.dossier.make import Said, fill, require_new, seal
from onnxplain.dossier.signature import read_private
from onnxplain.dossier.tree import TREE
from onnxplain.errors import UsageError
from onnxplain.report.again import identity, of_record
from onnxplain.report.write import write_report


def run(
    *,
    audit: str,
    out: str,
    model: str | None,
    no_model: bool,
    data: Sequence[str],
    masks: str | None,
    key: str | None,
    archive: bool,
    quiet: bool,
    as_json: bool,
    **said: Any,
) -> None:
    """Make a dossier.

    Raises
    ------
    OnnxplainError
        If a part is missing, is not what was audited, or cannot be written.
    """
    if no_model and model is not None:
        raise UsageError("--model and --no-model contradict each other: give only one of them")
    record = read_record(Path(audit, RECORD))
    folder = require_new(out)
    if key is not None:
        read_private(key)  # before anything is written
    if not no_model:
        model = require_told(model, audit, record.model.source, "--model or --no-model")
    samples = recorded_data(data, audit, record.data.sources, masks, record.data.groups)
    with ExitStack() as stack:
        store = None
        if os.path.exists(os.path.join(audit, STORE)):
            store = stack.enter_context(StoredMaps(Path(audit, STORE), identity(record)))
        lacking = fill(folder, audit, record, samples, None if store is None else store.map, model)
    page, missing = of_record(record, Path(audit), {s.name: s.path for s in samples})
    write_report(folder, page)
    lacking += [f"in the report: {text}" for text in missing]
    about = seal(folder, record, Said(**said), lacking, key)
    written = [str(folder / TREE)]
    if archive:
        path = folder.resolve().with_name(f"{folder.resolve().name}.zip")
        write_archive(folder, path)
        written.append(str(path))
    for text in lacking:
        remark(f"note: not included: {text}")
    if not record.complete:
        remark("note: the record is of an audit that was stopped")
    if as_json:
        document({"files": written, "signed": about["signed"], "not_included": lacking})
    elif not quiet:
        for name in written:
            line(f"wrote {name}")
