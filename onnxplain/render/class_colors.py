"""Colours that stand for classes while their brightness stands for a response."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import hsv_to_rgb
from numpy.typing import NDArray

# Spaced by how different they look, not evenly: greens and blues need more room than reds.
# Brightness is taken, and categorical palettes of libraries differ in brightness above all.
_HUES = (0.0, 28.0, 52.0, 82.0, 132.0, 172.0, 198.0, 228.0, 272.0, 312.0)
# Beyond ten classes, the same hues come again, paler.
_SATURATIONS = (1.0, 0.42)
LIMIT = len(_HUES) * len(_SATURATIONS)


def class_colors(count: int) -> NDArray[np.float64]:
    """Red, green and blue in [0, 1] of `count` classes at full brightness, as a (count, 3) array.

    Neighbours in the list are far apart in hue. From `LIMIT` on, colours repeat.
    """
    used = len(_HUES) if count > len(_HUES) // 2 else len(_HUES) // 2
    hues = np.array(_HUES[:: len(_HUES) // used])
    place = np.arange(count) % LIMIT
    saturation = np.take(_SATURATIONS, place // len(hues) % len(_SATURATIONS))
    return hsv_to_rgb(np.stack([hues[place % len(hues)] / 360, saturation, np.ones(count)], -1))


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
