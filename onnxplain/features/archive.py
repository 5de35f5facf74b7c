"""Which model numbers came from, beside the files that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnxplain.explanations.archive import (
    FORMAT,
    read_archive,
    require_same_files,
    write_archive,
)
from onnxplain.inputs.bound import describe_bound
from onnxplain.machine import versions
from onnxplain.model.model import Model

__all__ = ["FORMAT", "origin", "read_archive", "require_same_model", "write_archive"]


def origin(model: Model) -> dict[str, Any]:
    """Which model, preprocessing and software numbers came from."""
    return {
        "model": model.name,
        "model_sha256": model.sha256,
        "model_files": model.identity.to_list(),
        "preprocess": model.preprocess.to_dict(),
        "preprocess_sha256": model.preprocess.sha256,
        **({"bound": describe_bound(model.network.bound)} if model.network.bound else {}),
        "engine": model.network.ort.device,
        "versions": versions(),
    }


def require_same_model(record: Mapping[str, Any], model: Model, what: str) -> None:
    """Check that a model is the one from which numbers came; see `require_same_files`."""
    require_same_files(record, model.name, model.identity, what)
