"""Copy files into a dossier, and make sure that they are those that were examined."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from onnxplain.audit.records.about import ModelEntry
from onnxplain.dossier.tree import path_problem
from onnxplain.errors import UsageError
from onnxplain.files import whole_file, why_no_file

MODEL = "model"
_CHUNK = 1 << 20


def copy_checked(source: Path, target: Path, sha256: str, what: str) -> None:
    """Copy a file whose digest is known.

    Raises
    ------
    UsageError
        If there is no such file, or it has another content.
    """
    if problem := why_no_file(source):
        raise UsageError(f"{what}: cannot read {str(source)!r}: {problem}")
    found = hashlib.sha256()
    with whole_file(target) as copy:
        try:
            with open(source, "rb") as file:
                while chunk := file.read(_CHUNK):
                    found.update(chunk)
                    copy.write(chunk)
        except PermissionError as error:
            raise UsageError(f"{what}: cannot read {str(source)!r}: {error.strerror}") from error
        if found.hexdigest() != sha256:
            raise UsageError(
                f"{what}: {str(source)!r} is not the file that was audited: its SHA-256 is "
                f"{found.hexdigest()}, the record has {sha256}"
            )


def copy_model(model: ModelEntry, file: str, folder: Path) -> None:
    """Copy every file of the audited model.

    Parameters
    ----------
    model : ModelEntry
        What the record says of it.
    file : str
        Where the .onnx file is; its files of weights are beside it.
    folder : path
        The dossier.

    Raises
    ------
    UsageError
        If a file is missing or is not the one that was audited, or the record is of an early
        version that does not name the model's files.
    """
    if not model.files:
        raise UsageError(
            "the record does not name the files of the model; audit again with this version, or "
            "leave the model out with --no-model"
        )
    graph, *weights = model.files
    beside = os.path.dirname(file)
    for entry, source in [(graph, file), *((w, os.path.join(beside, w.location)) for w in weights)]:
        if problem := path_problem(entry.location):
            raise UsageError(f"model file {entry.location!r} cannot be copied: {problem}")
        target = folder / MODEL / entry.location
        copy_checked(Path(source), target, entry.sha256, f"model file {entry.location!r}")
