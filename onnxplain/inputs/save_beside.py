"""Write what was chosen for a model into its side file, where `load` finds it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.files import write_json
from onnxplain.inputs.beside import BESIDE, read_beside
from onnxplain.inputs.label_places import own_file, read_names
from onnxplain.inputs.preprocess import Preprocess

_SHOWN = 60


def save_beside(model: Path, chosen: Mapping[str, Any], *, force: bool = False) -> Path:
    """Add to ``<stem>.onnxplain.json``, which keeps what else it says.

    Parameters
    ----------
    model : Path
        The model file.
    chosen : mapping
        Some of the keys that `read_beside` reads, with their values.
    force : bool
        Replace what is there and says otherwise.

    Returns
    -------
    Path
        The side file, written whole or not at all.

    Raises
    ------
    UsageError
        If it, or another file of the model's, says otherwise, and `force` is not set.
    OutputError
        If it cannot be written.
    """
    path = model.with_name(model.stem + BESIDE)
    known = read_beside(model)
    if not force:
        for key, value in chosen.items():
            where, other = _said(model, path, known, key)
            if where is not None and not _same(key, other, value):
                raise UsageError(
                    f"{str(where)!r} says {key} {_shown(key, other)}, not {_shown(key, value)}; "
                    "add --force to override it"
                )
    write_json(path, {**known, **chosen})
    return path


def _said(model: Path, path: Path, known: Mapping[str, Any], key: str) -> tuple[Path | None, Any]:
    """Which of the model's own files says what of a key; the side file is read first."""
    if key in known:
        return path, known[key]
    recipe = model.with_name(model.stem + ".preprocess.json")
    if key == "preprocess" and os.path.isfile(recipe):
        return recipe, Preprocess.load(recipe).to_dict()
    names = own_file(model) if key == "labels" else None
    return (None, None) if names is None else (names, read_names(names))


def _same(key: str, one: Any, other: Any) -> bool:
    if key != "preprocess":
        return bool(one == other)
    # A recipe under another name is the same one.
    return Preprocess.from_dict(one).sha256 == Preprocess.from_dict(other).sha256


def _shown(key: str, value: Any) -> str:
    if key == "preprocess":
        return repr(value.get("name", ""))
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
