"""A map of windows of which only some were computed, drawn at random."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onnxplain.perturb.refine import filled
from onnxplain.perturb.window_grid import WindowGrid

Array = NDArray[np.float64]


def mean_of_some(
    values: Array, computed: NDArray[np.bool_], grid: WindowGrid
) -> tuple[Array, Array]:
    """Estimate the mean over all windows that cover a pixel from those that were computed.

    Parameters
    ----------
    values : (R, S) array
        One number for each position of the window; what was not computed does not count.
    computed : (R, S) bool array
        Which were; drawn at random, at least one.
    grid : WindowGrid
        The windows.

    Returns
    -------
    (H, W) array
        The estimate; where no window of a pixel was computed, from the nearest ones.
    (H, W) array
        Its standard error, that of a mean of n out of N numbers drawn without replacement,
        ``s^2 / n (1 - n / N)`` (Cochran 1977, *Sampling techniques*, theorem 2.2). It is zero
        where all were computed. Where n < 2, s^2 is that of the pixels that know it; NaN if
        none does.
    """
    every, count, total, squares = (np.zeros(grid.picture) for _ in range(4))
    for window, value, known in zip(grid.windows, values.ravel(), computed.ravel(), strict=True):
        place = slice(*window[:2]), slice(*window[2:])
        every[place] += 1
        if known:
            count[place] += 1
            total[place] += value
            squares[place] += value**2
    some, rest = np.maximum(count, 1), np.maximum(count - 1, 1)
    mean = total / some
    spread = np.maximum(squares - some * mean**2, 0.0) / rest
    varied = count > 1
    pooled = float(spread[varied].mean()) if varied.any() else np.nan
    error = np.where(varied, spread, pooled) / some * (1 - count / every)
    near = grid.spread(filled(values, computed).reshape(1, -1))[0]
    return (
        np.where(count > 0, mean, near),
        np.sqrt(np.where(count == every, 0.0, error)),
    )
