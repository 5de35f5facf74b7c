"""Files that Azure Custom Vision exports with a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnxplain.inputs.conventions.convention import Convention, numbers

_PREFIX = "CustomVision.Preprocess."
_RESIZES = {"cropcenter": "crop", "crop": "crop", "stretch": "stretch", "bytarget": "stretch"}


def of_properties(data: Mapping[str, Any], file: str) -> Convention | None:
    """Read ``metadata_properties.json``; ``None`` if it does not say how to prepare pictures.

    Raises
    ------
    ValueError
        If a value is not what it has to be.
    """
    told = {k.removeprefix(_PREFIX): v for k, v in data.items() if k.startswith(_PREFIX)}
    if not told:
        return None
    if not file:
        return Convention("custom-vision", "")
    values: dict[str, Any] = {"interpolation": "bilinear"}
    way = str(told.get("ResizeMethod", "")).lower()
    values["resize"] = next((v for k, v in _RESIZES.items() if way.startswith(k)), "crop")
    if told.get("NormalizeMean"):
        values["mean"] = numbers(told["NormalizeMean"])
    if told.get("NormalizeStd"):
        values["std"] = numbers(told["NormalizeStd"])
        if min(values["std"]) <= 0:
            raise ValueError(f"NormalizeStd is {values['std']}")
    doubt = "it does not give the order of the channels; RGB is assumed"
    return Convention("custom-vision", f"{file} (Azure Custom Vision)", values, None, (doubt,))


def of_manifest(data: Mapping[str, Any], file: str) -> Convention:
    """Read ``cvexport.manifest``: pixels of 0..255, blue first, as the exported sample does."""
    doubt = "it gives neither order nor range; BGR of 0..255 is assumed, as in its sample code"
    values = {"color": "BGR", "interpolation": "bilinear"}
    return Convention("custom-vision", f"{file} (Azure Custom Vision)", values, None, (doubt,))
