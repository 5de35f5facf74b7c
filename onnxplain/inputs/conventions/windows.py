"""Image metadata of the ONNX standard, which Windows ML and Azure Custom Vision write.

https://github.com/onnx/onnx/blob/main/docs/MetadataProps.md
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import onnx

from onnxplain.inputs.conventions.convention import UNIT, Convention

_PREFIX = "Image."
_FORMAT, _RANGE, _GAMMA = "BitmapPixelFormat", "NominalPixelRange", "ColorSpaceGamma"
_COLOURS = {"gray8": "gray", "grey8": "gray", "rgb8": "RGB", "bgr8": "BGR", "rgba8": "RGB"}
_COLOURS |= {"bgra8": "BGR", "gray16": "gray", "rgb16": "RGB", "bgr16": "BGR"}
# Pixel of 0..255 to value: ``(pixel * scale - mean) / std``.
_RANGES: dict[str, dict[str, Any]] = {
    "0_255": {},
    "0_1": {"scale": UNIT},
    "1_1": {"mean": (127.5,), "std": (127.5,)},
    "16_235": {"scale": 219 / 255, "mean": (-16.0,)},
}


def denotations(model: onnx.ModelProto) -> dict[str, str]:
    """Image metadata that stand with the inputs rather than with the whole model."""
    found: dict[str, str] = {}
    for value in model.graph.input:
        words = value.type.denotation.replace("=", " ").replace(";", " ").replace(",", " ").split()
        for word in words:
            if word.lower() in _COLOURS:
                found[_PREFIX + _FORMAT] = word
            elif _range(word) in _RANGES:
                found[_PREFIX + _RANGE] = word
            elif word.lower() in ("linear", "srgb"):
                found[_PREFIX + _GAMMA] = word
        for entry in getattr(value, "metadata_props", ()):
            if entry.key.startswith(_PREFIX):
                found[entry.key] = entry.value
    return found


def belongs(metadata: Mapping[str, str]) -> bool:
    """Whether there are metadata of this kind."""
    return any(_PREFIX + key in metadata for key in (_FORMAT, _RANGE))


def read(metadata: Mapping[str, str], where: str) -> Convention:
    """Read them.

    Raises
    ------
    ValueError
        If a value is not one of the standard's.
    """
    doubts: list[str] = []
    values: dict[str, Any] = {"interpolation": "bilinear"}
    said = metadata.get(_PREFIX + _FORMAT)
    if said is None:
        doubts.append("it does not give the order of the channels; RGB is assumed")
    elif said.lower() not in _COLOURS:
        raise ValueError(f"{_PREFIX}{_FORMAT} is {said!r}")
    else:
        values["color"] = _COLOURS[said.lower()]
    span = metadata.get(_PREFIX + _RANGE)
    if span is None:
        doubts.append("it does not give the range of values; 0..255 is assumed, not 0..1")
    elif _range(span) not in _RANGES:
        raise ValueError(f"{_PREFIX}{_RANGE} is {span!r}")
    else:
        values |= _RANGES[_range(span)]
    gamma = metadata.get(_PREFIX + _GAMMA, "SRGB")
    if gamma.strip().lower() == "linear":
        doubts.append("it asks for linear gamma, but pictures stay sRGB")
    return Convention("onnx-image", f"{where} (ONNX image metadata)", values, None, tuple(doubts))


def _range(text: str) -> str:
    word = text.strip().lower()
    for prefix in ("nominalrange", "nominal", "normalized", "normalised"):
        word = word.removeprefix(prefix)
    return word.strip("_ ").replace("-", "_").replace("__", "_")
