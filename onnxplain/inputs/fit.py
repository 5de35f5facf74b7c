"""How well a preprocessing fits what the graph does to its input.

The values of photos, once they reach the network proper, have a mean and a deviation that
are one of a few customs. The nearer they come to one of them, the better the fit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.normalisation import InnerNormalisation, mapped
from onnxplain.graph.pixels import Limits
from onnxplain.inputs.preprocess import Preprocess

Array = NDArray[np.float64]
# Mean and deviation of photos on a scale on which black is -1 and white is 1, about.
_MEAN, _DEVIATION = -0.1, 0.5
# What networks get: standardised, -1..1, 0..1, 0..1 minus the mean; pixels minus the mean, pixels.
_STANDARD = np.array([[0.0, 1.0], [-0.1, 0.5], [0.45, 0.25], [0.0, 0.25]])
_PIXELS = np.array([[0.0, 63.75], [114.75, 63.75]])
# Pixels are 0..255 or nearly so; a factor of e^0.4 is none that anyone uses.
_SAME_SCALE = 0.4
_WHITE = np.array([[0.0, 1.0]])
# From here on a fit is none: the range is twelve times too wide or too narrow, or beside.
WORST = 2.5
# A shift by less of the range is none; one by less than the second share has no purpose.
_NO_SHIFT, _USELESS_SHIFT = 1e-6, 0.02
# A part of all values that may be cut off at the ends.
_CUT_OFF = 0.25
_WRONG_ORDER, _UNUSUAL_ORDER = 1.0, 0.5


def misfit(inner: InnerNormalisation, recipe: Preprocess) -> float:
    """Say how far a preprocessing is from any custom; 0 is a perfect fit.

    Parameters
    ----------
    inner : InnerNormalisation
        What the graph does.
    recipe : Preprocess
        How pictures become its input.
    """
    low, high = _range(recipe)
    total = max((_of_limits(limit, low, high) for limit in inner.pixels.limits), default=0.0)
    if inner.changes and not _whitened(inner):
        total += _of_values(inner, low, high)
    order = inner.order
    if order and recipe.color in ("RGB", "BGR"):
        return total + (_WRONG_ORDER if recipe.color != order else 0.0)
    return total + (_UNUSUAL_ORDER if recipe.color == "BGR" else 0.0)


def against(inner: InnerNormalisation, recipe: Preprocess) -> str:
    """Say in half a sentence what in the graph speaks against a preprocessing, if anything."""
    low, high = _range(recipe)
    for limit in inner.pixels.limits:
        reached_low, reached_high = _reached(limit, low, high)
        if limit.kind == "whitened":
            if _distance(reached_low, reached_high, _WHITE) > WORST:
                return f"the graph normalises its input itself (at tensor {limit.tensor!r})"
        elif _cut_off(limit, low, high) > _CUT_OFF or _of_limits(limit, low, high) > WORST:
            what = "limits its input" if limit.kind == "clipped" else "was quantised for values"
            return f"the graph {what} to {limit.low:.3g}..{limit.high:.3g} (at {limit.tensor!r})"
    if inner.changes and not _whitened(inner) and _of_values(inner, low, high) > WORST:
        reached = inner.range(low, high)
        return (
            f"the graph normalises its input itself (at tensor {inner.nodes[-1].output!r}) to "
            f"{float(np.min(reached[0])):.3g}..{float(np.max(reached[1])):.3g}"
        )
    if inner.order and recipe.color in ("RGB", "BGR") and recipe.color != inner.order:
        return f"the graph treats its channels as {inner.order} (at {inner.nodes[-1].output!r})"
    return ""


def _range(recipe: Preprocess) -> tuple[Array, Array]:
    """Smallest and largest value of each channel of the tensor."""
    low, high = (np.asarray(b, np.float64).reshape(-1) for b in recipe.bounds())
    return low, high


def _whitened(inner: InnerNormalisation) -> bool:
    return any(limit.kind == "whitened" for limit in inner.pixels.limits)


def _of_values(inner: InnerNormalisation, low: Array, high: Array) -> float:
    free = inner.pixels.free
    if "scale" in free:
        return 0.0
    reached_low, reached_high = inner.range(low, high)
    half = np.maximum((reached_high - reached_low) / 2, 1e-30)
    if "shift" in free:
        return _distance(inner.shift - half, inner.shift + half, _STANDARD, _PIXELS)
    shifted = float((np.abs(inner.shift) / half).max())
    if shifted < _NO_SHIFT:
        # A scale alone says nothing of where zero is to be.
        spread = np.log(half[:, None] * _DEVIATION / np.concatenate([_STANDARD, _PIXELS])[:, 1])
        return float(np.abs(spread).min(axis=1).mean())
    useless = 2 * WORST if shifted < _USELESS_SHIFT else 0.0
    return useless + _distance(reached_low, reached_high, _STANDARD, _PIXELS)


def _of_limits(limit: Limits, low: Array, high: Array) -> float:
    reached_low, reached_high = _reached(limit, low, high)
    if limit.kind == "whitened":
        return _distance(reached_low, reached_high, _WHITE)
    bounds = np.array([limit.low, limit.high])
    if not np.isfinite(bounds).all():
        return 0.0
    start, end = float(reached_low.min()), float(reached_high.max())
    span, allowed = max(end - start, 1e-30), bounds[1] - bounds[0]
    apart = abs((start + end) - bounds.sum()) / 2 / max(span, allowed)
    return float(abs(np.log(span / allowed)) + apart)


def _cut_off(limit: Limits, low: Array, high: Array) -> float:
    """Share of the range of values that clipping makes equal."""
    reached_low, reached_high = _reached(limit, low, high)
    inside = np.minimum(reached_high, limit.high) - np.maximum(reached_low, limit.low)
    span = np.maximum(reached_high - reached_low, 1e-30)
    return float(1 - np.clip(inside / span, 0, 1).min())


def _reached(limit: Limits, low: Array, high: Array) -> tuple[Array, Array]:
    return mapped(limit.weights, limit.shift, low, high)


def _distance(
    low: Array,
    high: Array,
    customs: Array,
    exact: Array | None = None,
) -> float:
    """How far the values of photos between `low` and `high` are from the nearest custom."""
    half = np.maximum((high - low) / 2, 1e-30)
    mean, deviation = (low + high) / 2 + _MEAN * half, _DEVIATION * half
    found = [_apart(mean, deviation, *custom) for custom in customs]
    for custom in () if exact is None else exact:
        if np.abs(np.log(deviation / custom[1])).max() < _SAME_SCALE:
            found.append(_apart(mean, deviation, *custom))
    return float(min(found))


def _apart(mean: Array, deviation: Array, wanted: float, spread: float) -> float:
    scale = np.abs(np.log(deviation / spread))
    return float(np.mean(scale + np.minimum(np.abs(mean - wanted) / deviation, 1e6)))
