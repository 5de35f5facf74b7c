"""Colours that stand for classes while their brightness stands for a response."""

from __future__ import annotations

from colorsys import hsv_to_rgb

import numpy as np
from numpy.typing import NDArray

# Hues in degrees and saturations. Brightness is taken, and the categorical palettes of
# libraries differ in brightness above all. Spaced by how different they look, not evenly:
# greens and blues need more room than reds.
_STRONG = [(hue, 1.0) for hue in (0, 28, 52, 82, 132, 172, 198, 228, 272, 312)]
_PALE = [(hue, 0.5) for hue in range(0, 360, 36)]
_FEW = len(_STRONG) // 2
LIMIT = len(_STRONG) + len(_PALE)


def class_colors(count: int) -> NDArray[np.float64]:
    """Red, green and blue in [0, 1] of `count` classes at full brightness, as a (count, 3) array.

    From `LIMIT` on, colours repeat.
    """
    # A few classes need not stand close to each other.
    kinds = _STRONG[::2] if count <= _FEW else _STRONG + _PALE
    chosen = [kinds[k % len(kinds)] for k in range(count)]
    return np.array([hsv_to_rgb(hue / 360, saturation, 1.0) for hue, saturation in chosen])


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
