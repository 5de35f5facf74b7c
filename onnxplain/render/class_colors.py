"""Colours that stand for classes while their brightness stands for a response."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Brightness is taken, and the categorical palettes of libraries differ in brightness above all:
# hues and saturations are left. How different two colours look is their distance in CIELAB.
_HUES, _SATURATIONS = range(0, 360, 10), (1.0, 0.65, 0.4, 0.25)
# Of the colours so far, no two are nearer to each other than 18 just noticeable steps.
LIMIT = 40
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = _TO_XYZ.sum(axis=1)
# Lightness: a weak response in pure blue would not be seen on black.
_DARKEST = 45.0
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27


def class_colors(count: int) -> NDArray[np.float64]:
    """Red, green and blue in [0, 1] of `count` classes at full brightness, as a (count, 3) array.

    Each is the one that looks most different from all before it, so that the first classes are
    told apart best. From `LIMIT` on, colours repeat.
    """
    return _ordered()[np.arange(count) % LIMIT]


@lru_cache(maxsize=1)
def _ordered() -> NDArray[np.float64]:
    colors = np.array([hsv_to_rgb(h / 360, s, 1.0) for s in _SATURATIONS for h in _HUES])
    seen = _lab(colors)
    bright = seen[:, 0] >= _DARKEST
    colors, seen = colors[bright], seen[bright]
    chosen = [0]
    nearest = np.full(len(colors), np.inf)
    while len(chosen) < LIMIT:
        nearest = np.minimum(nearest, np.linalg.norm(seen - seen[chosen[-1]], axis=1))
        chosen.append(int(nearest.argmax()))
    return colors[chosen]


def _lab(colors: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB of sRGB colours under D65 (IEC 61966-2-1, CIE 15)."""
    linear = np.where(colors > 0.04045, ((colors + 0.055) / 1.055) ** 2.4, colors / 12.92)
    share = linear @ _TO_XYZ.T / _WHITE
    bent = np.where(share > _EPSILON, np.cbrt(share), (_KAPPA * share + 16) / 116)
    x, y, z = bent.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def colored(
    winner: NDArray[np.intp], strength: NDArray[np.float64], colors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Hue from a class, brightness from a strength: the combined CLEAR map.

    Parameters
    ----------
    winner : (H, W) int array
        Position of each place's class in `colors`.
    strength : (H, W) array
        In [0, 1].
    colors : (S, 3) array
        Colour of each class at full brightness.

    Returns
    -------
    (H, W, 3) float64 array
        Scaling a colour towards black changes its value in HSV alone.
    """
    return colors[winner] * np.clip(strength, 0.0, 1.0)[..., None]
