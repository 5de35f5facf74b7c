"""What timm writes: ``pretrained_cfg`` in a ``config.json``, or in the metadata of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnxplain.inputs.conventions.convention import (
    UNIT,
    Convention,
    before_cut,
    filter_of,
    numbers,
    whole,
)

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_FRACTION = 0.875
_KEYS = ("pretrained_cfg", "default_cfg")


def belongs(data: Mapping[str, Any]) -> bool:
    """Whether a JSON object is of timm."""
    nested = any(isinstance(data.get(k), Mapping) for k in _KEYS)
    return nested or (
        "mean" in data and "std" in data and ("input_size" in data or "crop_pct" in data)
    )


def read(data: Mapping[str, Any], where: str) -> Convention:
    """Read timm's settings, as ``timm.data.resolve_data_config`` completes them.

    Raises
    ------
    ValueError
        If a value is not what it has to be.
    """
    found = next((data[k] for k in _KEYS if isinstance(data.get(k), Mapping)), data)
    told = {key: value for key, value in found.items() if value not in (None, "")}
    mean, std = numbers(told.get("mean", _MEAN)), numbers(told.get("std", _STD))
    if min(std) <= 0:
        raise ValueError(f"std is {std}")
    (fraction,) = numbers(told.get("crop_pct", _FRACTION))
    if not 0 < fraction <= 1:
        raise ValueError(f"crop_pct is {fraction}")
    values: dict[str, Any] = {"scale": UNIT, "mean": mean, "std": std}
    values["interpolation"] = filter_of(told.get("interpolation"), "bicubic")
    size, doubts = _size(told.get("input_size")), []
    mode = str(told.get("crop_mode", "center"))
    if mode == "squash":
        values |= {"resize": "stretch"} if fraction == 1 else _cut(size, fraction, both=True)
    elif mode == "border":
        fill = tuple(min(255.0, round(255 * m)) for m in mean)
        values |= {"resize": "pad", "fill": fill, "crop_fraction": fraction}
        if fraction < 1:
            doubts.append("crop_mode 'border' with crop_pct below 1 is only approximated")
    elif size[0] == size[1]:
        values |= _cut(size, fraction, both=False)
    else:
        values |= {"resize": "crop", "crop_fraction": fraction}
    return Convention("timm", f"{where} (timm)", values, size, tuple(doubts))


def _size(value: Any) -> tuple[int, int]:
    if value is None:
        return (224, 224)
    found = numbers(value)
    if len(found) not in (1, 2, 3):
        raise ValueError(f"input_size is {value}")
    return (whole(found[-2:][0]), whole(found[-1]))


def _cut(size: tuple[int, int], fraction: float, both: bool) -> dict[str, Any]:
    height, width = (before_cut(side, fraction) for side in size)
    return {"resize": "crop", "resize_to": (height, width) if both else height}
