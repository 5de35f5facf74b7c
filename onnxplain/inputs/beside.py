"""One file beside the model that says all that the model does not say of itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.files import read_json

# After the stem of the model file.
BESIDE = ".onnxplain.json"
_TEXTS = ("task", "scores", "output")
_KEYS = ("preprocess", "labels", "boxes", *_TEXTS)


def read_beside(model: Path | None) -> dict[str, Any]:
    """Read ``<stem>.onnxplain.json``, if there is such a file.

    Its keys, all optional, are ``preprocess`` (as in a ``.preprocess.json``), ``labels`` (a
    list of names), ``boxes`` (how a detector is read, see docs/detectors.md), ``task``,
    ``scores`` and ``output`` (as the options of that name).

    Parameters
    ----------
    model : Path or None
        The model file.

    Raises
    ------
    UsageError
        If the file is no JSON object, or has another key or a wrong value.
    """
    path = None if model is None else model.with_name(model.stem + BESIDE)
    if path is None or not os.path.isfile(path):  # also False for a name that is too long
        return {}
    found = read_json(path, "side")
    if not isinstance(found, dict) or not set(found) <= set(_KEYS):
        raise UsageError(
            f"side file {str(path)!r}: expected an object with some of the keys {', '.join(_KEYS)}"
        )
    for key in _TEXTS:
        if not isinstance(found.get(key, ""), str):
            raise UsageError(f"side file {str(path)!r}: {key!r} must be a text")
    for key in ("preprocess", "boxes"):
        if not isinstance(found.get(key, {}), dict):
            raise UsageError(f"side file {str(path)!r}: {key!r} must be an object")
    names = found.get("labels", [])
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names):
        raise UsageError(f"side file {str(path)!r}: 'labels' must be a list of names")
    return found
