"""The values of a preprocessing: read from JSON, and checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any


def from_json(key: str, value: Any) -> Any:
    """Turn a value of a preprocess file into that of the attribute `key`.

    Raises
    ------
    TypeError, ValueError
        If it cannot be one.
    """
    reader = _READERS.get(key)
    return value if reader is None else reader(value)


def _pixels(value: Any) -> tuple[int, ...]:
    return tuple(_whole(v, f"size {value} is not a whole number of pixels") for v in value)


def _resize_to(value: Any) -> int | tuple[int, ...] | None:
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        return _pixels(value)
    return _whole(value, f"resize_to {value} is not a whole number of pixels")


def _whole(value: Any, said: str) -> int:
    if int(value) != value and not isinstance(value, str):
        raise ValueError(said)
    return int(value)


def _indices(value: Any) -> tuple[int, ...]:
    return tuple(_whole(v, f"{value} are not channels: they count from 0") for v in value)


def _numbers(value: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in value)


def _fill(value: Any) -> tuple[float, ...]:
    return _numbers(value if isinstance(value, (list, tuple)) else [value])


# What OpenCV, TensorFlow and PyTorch call filters of Pillow.
_FILTERS = {"area": "box", "linear": "bilinear", "cubic": "bicubic", "lanczos3": "lanczos"}


_READERS: dict[str, Callable[[Any], Any]] = {
    "interpolation": lambda value: _FILTERS.get(value, value) if isinstance(value, str) else value,
    "size": _pixels,
    "resize_to": _resize_to,
    "mean": _numbers,
    "std": _numbers,
    "fill": _fill,
    "position": _numbers,
    "bands": _indices,
    "shown": _indices,
    "white": lambda value: None if value is None else float(value),
}


def framing_problem(
    resize: str,
    resize_to: int | tuple[int, ...] | None,
    fraction: float,
    position: Sequence[float],
) -> str:
    """What is wrong with the way a picture is to be cut and resized; empty if nothing is."""
    if resize_to is not None:
        sides = resize_to if isinstance(resize_to, tuple) else (resize_to,)
        if len(sides) not in (1, 2) or min(sides) < 1:
            return f"resize_to is {resize_to}; give the shorter side, or (height, width), in pixels"
        if resize != "crop":
            return f"resize_to goes with resize 'crop', not {resize!r}"
    if fraction < 1 and resize == "pad-first":
        return "crop_fraction does not go with resize 'pad-first'; drop it"
    if fraction < 1 and (resize == "none" or resize_to is not None):
        return "crop_fraction has no meaning where the middle is cut out at a fixed size; drop it"
    if len(position) != 2 or not all(0 <= p <= 1 for p in position):
        return f"position is {tuple(position)}; give two shares from 0 to 1, vertical first"
    return ""


def bands_problem(
    color: str, channels: int, fill: Sequence[float], bands: Sequence[int], shown: Sequence[int],
    white: float | None,
) -> str:  # fmt: skip
    """What is wrong with the choice of channels; empty if nothing is."""
    if len(fill) not in (1, channels) or not all(0 <= v <= 255 for v in fill):
        return f"fill is {tuple(fill)}; give 1 or {channels} values from 0 to 255"
    if color != "bands":
        extra = [k for k, v in (("bands", bands), ("shown", shown), ("white", white)) if v]
        return f"{' and '.join(extra)} goes with color 'bands', not {color!r}" if extra else ""
    if bands and (len(bands) != channels or min(bands) < 0):
        return f"bands is {tuple(bands)}; name {channels} bands of the file, counted from 0"
    if shown and (len(shown) not in (1, 3) or not all(0 <= k < channels for k in shown)):
        return f"shown is {tuple(shown)}; name 1 or 3 of the {channels} channels, counted from 0"
    if white is not None and not (math.isfinite(white) and white > 0):
        return f"white is {white}; it must be finite and above 0"
    return ""
