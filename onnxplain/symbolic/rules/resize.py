"""Resize: along each axis a product with a matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.symbolic.back import Back
from onnxplain.symbolic.registry import rule

_NEAREST: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "round_prefer_floor": lambda c: np.ceil(c - 0.5),
    "round_prefer_ceil": lambda c: np.floor(c + 0.5),
    "floor": np.floor,
    "ceil": np.ceil,
}
_REACH = {"linear": 1, "cubic": 2}


@rule("Resize")
def resize(at: Back) -> list[str]:
    """Times the transposed matrix of each axis that changes."""
    at.only(0)
    kind = at.get("coordinate_transformation_mode", "half_pixel")
    asked = (at.get("antialias", 0), at.get("exclude_outside", 0), kind == "tf_crop_and_resize")
    if any(asked):
        raise at.refusal("it takes antialias, exclude_outside or a crop")
    if at.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise at.refusal("it keeps the aspect ratio")
    slope = at.slope
    axes = [a % at.rank() for a in at.get("axes") or range(at.rank())]
    scales = np.asarray(at.value(2)).reshape(-1) if at.has(2) else np.zeros(0)
    for k, axis in enumerate(axes):
        before, after = at.shape()[axis], at.y_shape[axis]
        if before is None or after is None:
            if scales.size and scales[k] != 1:
                raise at.refusal("it resizes an axis that changes with the batch")
            continue
        scale = float(scales[k]) if scales.size else after / before
        if before != after or scale != 1:
            slope = at.along(slope, axis, at.rank(), _matrix(at, kind, before, after, scale))
    return [slope]


def _matrix(at: Back, kind: str, before: int, after: int, scale: float) -> NDArray[np.float64]:
    """Weight of each element of an axis, in columns, in each element of the result."""
    mode = at.get("mode", "nearest")
    matrix = np.zeros((after, before))
    rows = np.arange(after)
    if mode == "nearest":
        # Ties decide which neighbour is taken: in float32, as ONNX Runtime computes them.
        centre = _coordinates(kind, before, after, scale, np.dtype(np.float32))
        source = _NEAREST[at.get("nearest_mode", "round_prefer_floor")](centre)
        matrix[rows, np.clip(source.astype(np.int64), 0, before - 1)] = 1
        return matrix
    centre = _coordinates(kind, before, after, scale, np.dtype(np.float64))
    reach = _REACH[mode]
    for shift in range(-reach, reach + 2):
        position = np.floor(centre) + shift
        weight = _kernel(np.abs(position - centre), mode, at.get("cubic_coeff_a", -0.75))
        np.add.at(matrix, (rows, np.clip(position.astype(np.int64), 0, before - 1)), weight)
    return matrix


def _coordinates(
    kind: str, before: int, after: int, scale: float, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Position in the input of each position of the output."""
    out, factor = np.arange(after, dtype=dtype), dtype.type(scale)
    if kind == "asymmetric":
        return out / factor
    if kind == "align_corners":
        return out * dtype.type(before - 1) / dtype.type(after - 1) if after > 1 else out
    if kind == "pytorch_half_pixel" and after == 1:
        return out
    centred = (out + dtype.type(0.5)) / factor - dtype.type(0.5)
    if kind == "half_pixel_symmetric":
        adjustment = after / (scale * before)
        return dtype.type(before / 2 * (1 - adjustment)) + centred
    return centred


def _kernel(t: NDArray[np.float64], mode: str, a: float) -> NDArray[np.float64]:
    """Weight of an element at a distance."""
    if mode == "linear":
        return np.maximum(1 - t, 0)
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0))
