"""Which input positions a Resize node reads for each output position, along one axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Rounding = Callable[[NDArray[np.float64]], NDArray[np.float64]]
_ROUNDED: Mapping[str, _Rounding] = {
    "floor": np.floor,
    "ceil": np.ceil,
    "round_prefer_floor": lambda x: np.ceil(x - 0.5),
    "round_prefer_ceil": lambda x: np.floor(x + 0.5),
}
# Taps on each side of the position that is read.
_TAPS = {"linear": 1, "cubic": 2}


def resampled(
    attributes: Mapping[str, Any], source: int, count: int, factor: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last input position that is read for each output position.

    As the ONNX specification of Resize has it; a position that falls on an input position
    exactly reads that one alone.

    Parameters
    ----------
    attributes : mapping
        Of the node.
    source, count : int
        Positions of input and output.
    factor : float
        The scale; output positions for each input position.

    Returns
    -------
    first, last : (count,) int arrays
        Inclusive, within the input.
    """
    mode = attributes.get("mode", "nearest")
    how = attributes.get("coordinate_transformation_mode", "half_pixel")
    if how == "tf_crop_and_resize":
        return np.zeros(count, np.int64), np.full(count, source - 1, np.int64)
    x = _coordinates(how, source, count, factor)
    if mode not in _TAPS:
        rounded = _ROUNDED[attributes.get("nearest_mode", "round_prefer_floor")](x)
        # Beyond the border, the border is read.
        nearest = np.clip(rounded, 0, source - 1).astype(np.int64)
        return nearest, nearest
    spread = 1.0 / factor if attributes.get("antialias") and factor < 1 else 1.0
    width = _TAPS[mode] * spread
    # Taps at the very end of the filter have the weight zero.
    first = np.floor(x - width).astype(np.int64) + 1
    last = np.ceil(x + width).astype(np.int64) - 1
    exact = (x == np.round(x)) & (spread == 1.0)
    whole = np.round(x).astype(np.int64)
    first, last = np.where(exact, whole, first), np.where(exact, whole, last)
    return np.clip(first, 0, source - 1), np.clip(last, 0, source - 1)


def _coordinates(how: str, source: int, count: int, factor: float) -> NDArray[np.float64]:
    o = np.arange(count, dtype=np.float64)
    if how == "align_corners":
        return o * (source - 1) / max(count - 1, 1)
    if how == "asymmetric":
        return o / factor
    if how == "tf_half_pixel_for_nn":
        return (o + 0.5) / factor
    if how == "pytorch_half_pixel" and count == 1:
        return np.zeros(1)
    return (o + 0.5) / factor - 0.5
