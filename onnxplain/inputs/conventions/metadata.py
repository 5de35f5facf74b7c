"""What exporters write of the preprocessing into the metadata of a model file."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from onnxplain.inputs.conventions import openvino, timm, windows
from onnxplain.inputs.conventions.convention import (
    ROUNDED_DOWN,
    UNIT,
    Convention,
    one_line,
    sides,
    whole,
)
from onnxplain.inputs.preprocess import PRESETS

# Tasks of Ultralytics that get the whole picture, with grey beside it.
_WHOLE_PICTURE = frozenset({"detect", "segment", "pose", "obb"})
_GREY = (114.0,)
# A declaration is short; whatever is longer is something else.
_LONGEST = 100_000
# How Keras calls its three ways of `preprocess_input`, and who writes that down.
_KERAS_KEYS = ("preprocess_mode", "preprocessing_mode", "preprocess_input", "keras_preprocessing")
_KERAS = {"tf": "keras-tf", "caffe": "keras-caffe", "torch": "keras-torch"}


def read_metadata(metadata: Mapping[str, str], warn: Callable[[str], None]) -> Iterator[Convention]:
    """Read every preprocessing that the metadata declare.

    Parameters
    ----------
    metadata : mapping of str to str
        Those of the model file.
    warn : callable
        Told of each declaration that cannot be used.
    """
    for read in (_of_ultralytics, _of_windows, _of_openvino, _of_timm, _of_keras):
        try:
            found = read(metadata)
        except ValueError as error:
            warn(f"preprocessing in the model's metadata is ignored: {one_line(error)}")
            continue
        if found is not None:
            yield found


def parsed(text: str) -> Any:
    """Value of a JSON or Python literal; the text itself if it is neither."""
    if len(text) > _LONGEST:
        return text
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    return text


def _of_ultralytics(metadata: Mapping[str, str]) -> Convention | None:
    """Ultralytics: 0..1 without means; classifiers see the middle of the picture."""
    task = metadata.get("task", "")
    marked = metadata.get("author") == "Ultralytics" or {"imgsz", "names", "stride"} & {*metadata}
    if task not in {"classify", *_WHOLE_PICTURE} or not marked:
        return None
    size = sides(parsed(metadata["imgsz"])) if metadata.get("imgsz") else None
    values: dict[str, Any] = {"scale": UNIT, "interpolation": "bilinear"}
    if task in _WHOLE_PICTURE:
        values |= {"resize": "pad", "fill": _GREY, "position": ROUNDED_DOWN}
    elif size is None:
        values |= {"resize": "crop"}
    else:
        values |= (
            {"resize": "crop", "resize_to": size[0]}
            if size[0] == size[1]
            else {"resize": "stretch"}
        )
    if metadata.get("channels") and whole(metadata["channels"]) == 1:
        values["color"] = "gray"
    source = f"the model's metadata (Ultralytics, task {task})"
    return Convention("ultralytics", source, values, size)


def _of_windows(metadata: Mapping[str, str]) -> Convention | None:
    if not windows.belongs(metadata):
        return None
    return windows.read(metadata, "the model's metadata")


def _of_openvino(metadata: Mapping[str, str]) -> Convention | None:
    return openvino.read(metadata) if openvino.belongs(metadata) else None


def _of_timm(metadata: Mapping[str, str]) -> Convention | None:
    data: dict[str, Any] = {}
    for key in ("pretrained_cfg", "default_cfg", "timm", "data_config"):
        found = parsed(metadata[key]) if key in metadata else None
        if isinstance(found, Mapping):
            data = dict(found)
            break
    if not data and {"mean", "std"} <= {*metadata}:
        keys = ("mean", "std", "input_size", "interpolation", "crop_pct", "crop_mode")
        data = {k: parsed(metadata[k]) for k in keys if k in metadata}
    if not data or not timm.belongs(data):
        return None
    return timm.read(data, "the model's metadata")


def _of_keras(metadata: Mapping[str, str]) -> Convention | None:
    for key in _KERAS_KEYS:
        mode = metadata.get(key, "").strip().lower()
        name = _KERAS.get(mode, mode if mode in _KERAS.values() else "")
        if name:
            return Convention(name, f"the model's metadata {key!r} (Keras, {mode})", PRESETS[name])
    return None
