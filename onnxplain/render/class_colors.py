"""Colours that stand for classes while their brightness stands for a response."""

from __future__ import annotations

from colorsys import hsv_to_rgb
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from onnxplain.render.color_difference import ciede2000, cielab

# Brightness is taken, and the categorical palettes of libraries differ in brightness above all:
# hues and saturations are left.
_HUES, _SATURATIONS = range(0, 360, 10), (1.0, 0.65, 0.4, 0.25)
LIMIT = 40
# Lightness: a weak response in pure blue would not be seen on black.
_DARKEST = 45.0


def class_colors(count: int) -> NDArray[np.float64]:
    """Red, green and blue in [0, 1] of `count` classes at full brightness, as a (count, 3) array.

    Each is the one that looks most different (CIEDE2000) from all before it, so that the first
    classes are told apart best. From `LIMIT` on, colours repeat.
    """
    return _ordered()[np.arange(count) % LIMIT]


@lru_cache(maxsize=1)
def _ordered() -> NDArray[np.float64]:
    colors = np.array([hsv_to_rgb(h / 360, s, 1.0) for s in _SATURATIONS for h in _HUES])
    seen = cielab(colors)
    bright = seen[:, 0] >= _DARKEST
    colors, seen = colors[bright], seen[bright]
    chosen = [0]
    nearest = np.full(len(colors), np.inf)
    while len(chosen) < LIMIT:
        nearest = np.minimum(nearest, ciede2000(seen, seen[chosen[-1]]))
        chosen.append(int(nearest.argmax()))
    return colors[chosen]


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
