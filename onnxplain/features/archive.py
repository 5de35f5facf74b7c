"""Arrays and a record in one ``.npz`` file, without pickle."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.files import whole_file
from onnxplain.model.model import Model
from onnxplain.provenance import versions

FORMAT = 1


def origin(model: Model) -> dict[str, Any]:
    """Which model, preprocessing and software numbers came from."""
    return {
        "model": model.name,
        "model_sha256": model.sha256,
        "preprocess": model.preprocess.to_dict(),
        "preprocess_sha256": model.preprocess.sha256,
        "engine": model.network.ort.device,
        "versions": versions(),
    }


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
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {k: file[k] for k in file.files}
        record = json.loads(str(arrays.pop("record")))
        if record.pop("format") != FORMAT or record.pop("kind") != kind:
            raise ValueError("it is of another kind or version")
    except FileNotFoundError as error:
        raise UsageError(f"no {kind} file at {str(path)!r}") from error
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError(f"{str(path)!r} is not a saved {kind} file: {error}") from error
    return record, arrays
