"""From raw, signed attributions to two-dimensional maps: the only place that rescales.

Raw attributions are never changed; what is done here is named in every picture's record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.explanations.between import between
from onnxplain.explanations.spread import Spread

Scaling = Literal["none", "absmax", "minmax", "percentile"]
SCALINGS: tuple[Scaling, ...] = ("none", "absmax", "minmax", "percentile")


def reduce_channels(values: NDArray[Any], axes: Sequence[str]) -> NDArray[np.float64]:
    """Sum an attribution over its channels.

    Parameters
    ----------
    values : array
        One attribution, without batch axis.
    axes : sequence of str
        Meaning of each axis: C, H, W.

    Returns
    -------
    (H, W) float64 array
        Signed: evidence for and against in different channels of a pixel cancels.
    """
    flat = np.asarray(values, np.float64)
    return flat.sum(axis=list(axes).index("C")) if "C" in axes else flat


def upsample(
    values: NDArray[Any], size: tuple[int, int], spread: Spread | None = None
) -> NDArray[np.float64]:
    """Resize an (h, w) map bilinearly, pixel centres at half integers.

    The convention is that of ``align_corners=False`` in PyTorch.

    Parameters
    ----------
    values : (h, w) array
        The map.
    size : (int, int)
        Height and width wanted, in pixels.
    spread : Spread, optional
        Where the map lies, if not evenly on all of the picture; zero where nothing is seen.
    """
    if spread is None and values.shape == size:
        return np.asarray(values, np.float64)
    if spread is None:
        rows, columns = (
            (np.arange(new) + 0.5) * old / new - 0.5
            for old, new in zip(values.shape, size, strict=True)
        )
    else:
        rows, columns = spread.positions((values.shape[0], values.shape[1]), size)
    large = between(values, rows[:, None], columns[None])
    return large if spread is None else np.where(spread.sees(size), large, 0.0)


def scale(values: NDArray[Any], scaling: str = "absmax", percentile: float = 99.0) -> NDArray[Any]:
    """Bring a map to a range that can be coloured.

    Parameters
    ----------
    values : (H, W) array
        The map.
    scaling : {"none", "absmax", "minmax", "percentile"}
        ``absmax`` divides by the largest magnitude (to [-1, 1], zero stays zero);
        ``minmax`` maps the smallest to 0 and the largest to 1; ``percentile`` divides by
        `limit` and clips to [-1, 1].
    percentile : float
        For ``percentile``, in percent.

    Returns
    -------
    (H, W) float64 array
        All zeros where there is nothing to scale.

    Raises
    ------
    UsageError
        If the scaling is unknown.
    """
    if scaling not in SCALINGS:
        raise UsageError(f"scaling {scaling!r} is not known; allowed: {', '.join(SCALINGS)}")
    flat = np.asarray(values, np.float64)
    if scaling == "none":
        return flat
    if scaling == "minmax":
        low, extent = flat.min(), np.ptp(flat)
        return (flat - low) / extent if extent else np.zeros_like(flat)
    top = limit(flat, percentile if scaling == "percentile" else 100.0)
    return np.clip(flat / top, -1.0, 1.0) if top else np.zeros_like(flat)


def limit(values: NDArray[Any], percentile: float = 100.0) -> float:
    """Magnitude at which the colours of a map end; 0 for a map of zeros.

    Parameters
    ----------
    values : (H, W) array
        The map.
    percentile : float
        In percent, among the values that are not zero: a map with few coloured places
        must not lose them all as outliers.
    """
    magnitude = np.abs(np.asarray(values, np.float64))
    present = magnitude[magnitude > 0]
    return float(np.percentile(present, percentile)) if present.size else 0.0


def displayed(values: NDArray[Any], display: str) -> NDArray[Any]:
    """Return the part of a signed map that a method's pictures show.

    Parameters
    ----------
    values : array
        Signed map.
    display : {"signed", "positive", "magnitude"}
        Everything, only what speaks for the target, or the absolute value.
    """
    if display == "positive":
        return np.maximum(values, 0.0)
    return np.abs(values) if display == "magnitude" else values
