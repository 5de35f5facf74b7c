"""``preprocessor.json`` and ``image_converter.json`` of KerasHub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnxplain.inputs.conventions.convention import Convention, filter_of, numbers, sides, truth


def belongs(data: Mapping[str, Any]) -> bool:
    """Whether a JSON object is of KerasHub and about pictures."""
    return bool(_converter(data))


def read(data: Mapping[str, Any], file: str) -> Convention:
    """Read an image converter: ``value = pixel * scale + offset``.

    Raises
    ------
    ValueError
        If a value is not what it has to be.
    """
    told = {key: value for key, value in _converter(data).items() if value is not None}
    scale, offset = numbers(told.get("scale", 1.0)), numbers(told.get("offset", 0.0))
    if min(scale) <= 0:
        raise ValueError(f"scale is {scale}")
    count = max(len(scale), len(offset))
    factors, shifts = (v * count if len(v) == 1 else v for v in (scale, offset))
    values: dict[str, Any] = {
        "mean": tuple(-b / a for a, b in zip(factors, shifts, strict=True)),
        "std": tuple(1 / a for a in factors),
        "interpolation": filter_of(told.get("interpolation"), "bilinear"),
    }
    values["resize"] = "stretch"
    if truth(told.get("pad_to_aspect_ratio", False)):
        values["resize"] = "pad"
    elif truth(told.get("crop_to_aspect_ratio", True)):
        values["resize"] = "crop"
    size = sides(told["image_size"]) if "image_size" in told else None
    return Convention("keras-hub", f"{file} (KerasHub)", values, size)


def _converter(data: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = data.get("config", data)
    if not isinstance(inner, Mapping):
        return {}
    nested = inner.get("image_converter")
    if isinstance(nested, Mapping):
        return _converter(nested)
    kind = str(data.get("class_name", ""))
    return inner if "ImageConverter" in kind else {}
