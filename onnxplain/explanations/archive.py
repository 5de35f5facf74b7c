"""Arrays and a record in one ``.npz`` file, without pickle, and whose numbers they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.npz import read_record
from onnxplain.files import whole_file
from onnxplain.identity import GRAPH, Identity, differing, digests

FORMAT = 1


def require_same_files(record: Mapping[str, Any], name: str, identity: Identity, what: str) -> None:
    """Check that a model is the one from which numbers came.

    Parameters
    ----------
    record : mapping
        With ``model``, ``model_sha256`` and ``model_files``; earlier versions did not write down
        the files of a model.
    name : str
        What the model is called.
    identity : Identity
        Its files.
    what : str
        What came from it, for the message.

    Raises
    ------
    UsageError
        If it is another one; the part that is another one is named.
    """
    found = identity.digests
    try:
        known = digests(str(record.get("model_sha256")), record.get("model_files") or [])
    except (TypeError, KeyError, ValueError) as error:
        raise UsageError(f"{what} do not say which model they are of: {error}") from error
    if others := differing(known, found) or [part for part in found if not found[part]]:
        raise UsageError(
            f"{what} were selected for model {record.get('model')!r}, not for {name!r} "
            f"({_difference(others[0], known)}); select them anew"
        )


def _difference(part: str, known: Mapping[str, str]) -> str:
    if not known.get(part, part):
        return "they have no digest"
    if part in known:
        return "their digests differ" if part == GRAPH else f"{part} is another one"
    return f"nobody wrote down the digest of {part}"


def write_archive(
    path: str | Path, kind: str, record: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write arrays with a JSON record, whole or not at all.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    text = json.dumps({"format": FORMAT, "kind": kind, **record}, allow_nan=False)
    with whole_file(path) as file:
        np.savez_compressed(file, record=np.array(text), **arrays)  # type: ignore[arg-type]


def read_archive(path: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write_archive` wrote.

    Returns
    -------
    dict
        The record.
    dict of str to array
        The arrays.

    Raises
    ------
    UsageError
        If the file is missing, damaged, or of another kind.
    """
    what = f"saved {kind} file"
    record, arrays = read_record(path, what)
    if record.pop("format", None) != FORMAT or record.pop("kind", None) != kind:
        raise UsageError(f"{str(path)!r} is not a {what}: it is of another kind or version")
    return record, arrays
