"""How few pixels a map names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError


def gini(heatmap: NDArray[Any]) -> float:
    """Gini index of the map's magnitude.

    Parameters
    ----------
    heatmap : (H, W) array
        The map; its signs do not count.

    Returns
    -------
    float
        0 for a flat map, ``1 - 1/n`` for one of n pixels.

    Raises
    ------
    NumericalError
        If the map is zero everywhere.

    References
    ----------
    Chalasani et al. 2020, arXiv:1810.06583 (Gini index).
    """
    sizes = np.sort(magnitudes(heatmap))
    count = sizes.size
    above = (count - np.arange(1, count + 1) + 0.5) / count
    return max(0.0, float(1 - 2 * (sizes / sizes.sum() * above).sum()))


def magnitudes(heatmap: NDArray[Any]) -> NDArray[np.float64]:
    """Magnitudes of all pixels as shares of the largest one, flattened.

    Raises
    ------
    NumericalError
        If the map is zero everywhere.
    """
    sizes = np.abs(np.asarray(heatmap, np.float64)).ravel()
    largest = sizes.max(initial=0.0)
    if not largest:
        raise NumericalError("the map is zero everywhere, so no pixel has a share in it")
    return sizes / largest
