"""``model_info`` that OpenVINO's Model API keeps in the metadata of a model.

https://github.com/openvinotoolkit/model_api: pictures come from OpenCV, blue first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from onnxplain.inputs.conventions.convention import (
    ROUNDED_DOWN,
    Convention,
    filter_of,
    numbers,
    truth,
    whole,
)

_FIELD = re.compile(r"^model_info[\s/.:_]+(\w+)$")
_MARKS = ("mean_values", "scale_values", "reverse_input_channels", "resize_type")
_RESIZES: dict[str, dict[str, Any]] = {
    "standard": {"resize": "stretch"},
    "fit_to_window": {"resize": "pad", "position": (0.0, 0.0)},
    "fit_to_window_letterbox": {"resize": "pad", "position": ROUNDED_DOWN},
    "crop": {"resize": "crop"},
}


def belongs(metadata: Mapping[str, str]) -> bool:
    """Whether there are metadata of this kind."""
    return any(key in _fields(metadata) for key in _MARKS)


def read(metadata: Mapping[str, str]) -> Convention:
    """Read them.

    Raises
    ------
    ValueError
        If a value is not what it has to be.
    """
    told, doubts = _fields(metadata), []
    values: dict[str, Any] = {
        "interpolation": filter_of(told.get("interpolation_type"), "bilinear")
    }
    kind = told.get("resize_type", "standard").lower()
    if kind not in _RESIZES:
        raise ValueError(f"resize_type is {kind!r}")
    values |= _RESIZES[kind]
    if values["resize"] == "pad":
        values["fill"] = numbers(told.get("pad_value", "0"))
    if told.get("mean_values"):
        values["mean"] = numbers(told["mean_values"])
    if told.get("scale_values"):
        values["std"] = numbers(told["scale_values"])
        if min(values["std"]) <= 0:
            raise ValueError(f"scale_values are {told['scale_values']}")
    if truth(told.get("reverse_input_channels", "false")):
        values["color"] = "RGB"
    elif _descending(values.get("mean", ())):
        values["color"] = "RGB"
        doubts.append("the means are in the order of red, green and blue; RGB is assumed")
    else:
        values["color"] = "BGR"
        doubts.append("reverse_input_channels is not set; BGR is assumed, the order of OpenCV")
    if truth(told.get("embedded_processing", "false")) and {"mean", "std"} & {*values}:
        doubts.append(
            "embedded_processing says that the file may scale its pixels itself; if it does, they "
            "are scaled twice"
        )
    size = None
    if told.get("orig_height") and told.get("orig_width"):
        size = (whole(told["orig_height"]), whole(told["orig_width"]))
    source = "the model's metadata (OpenVINO model_info)"
    return Convention("openvino", source, values, size, tuple(doubts))


def _fields(metadata: Mapping[str, str]) -> dict[str, str]:
    found = ((_FIELD.match(key), value) for key, value in metadata.items())
    return {match[1]: value for match, value in found if match and value.strip()}


def _descending(mean: tuple[float, ...]) -> bool:
    """Whether red has the largest mean and blue the smallest, as in photos."""
    return len(mean) == 3 and mean[0] > mean[1] > mean[2]
