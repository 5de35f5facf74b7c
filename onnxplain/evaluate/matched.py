"""Random maps that look like a given one: its values and its coarseness, elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def matched_maps(
    heatmap: NDArray[Any], count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw maps with the values of a map, and nearly its spectrum, at random places.

    Independent random pixels would be too easy to beat: their sums over regions hardly differ.

    Parameters
    ----------
    heatmap : (H, W) array
        The map.
    count : int
        How many.
    rng : numpy.random.Generator
        Draws their phases.

    Returns
    -------
    (count, H, W) array
        Each has the values of the map, put in the order of a field with the map's amplitudes and
        random phases.

    References
    ----------
    Theiler et al. 1992, "Testing for nonlinearity in time series: the method of surrogate data"
    (amplitude-adjusted surrogates), in two dimensions.
    """
    given = np.asarray(heatmap, np.float64)
    size = np.abs(np.fft.fft2(given - given.mean()))
    values = np.sort(given, axis=None)
    found = np.empty((count, given.size))
    for one in found:
        noise = np.fft.fft2(rng.normal(size=given.shape))
        field = np.fft.ifft2(size * np.exp(1j * np.angle(noise))).real
        one[np.argsort(field, axis=None, kind="stable")] = values
    return found.reshape(count, *given.shape)
