"""How few pixels does a map name? Both measures look at the map alone, never at the model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.evaluate.case import Case


def entropy(heatmap: NDArray[Any]) -> float:
    """Entropy of the shares that the pixels have in the map's magnitude.

    Parameters
    ----------
    heatmap : (H, W) array
        The map; its signs do not count.

    Returns
    -------
    float
        In nats: 0 for one pixel, the logarithm of the number of pixels for a flat map.

    Raises
    ------
    NumericalError
        If the map is zero everywhere.

    References
    ----------
    Bhatt, Weller, Moura 2020, arXiv:2005.00631 (complexity).
    """
    sizes = _magnitudes(heatmap)
    shares = sizes[sizes > 0] / sizes.sum()
    return max(0.0, float(-(shares * np.log(shares)).sum()))


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
    sizes = np.sort(_magnitudes(heatmap))
    count = sizes.size
    above = (count - np.arange(1, count + 1) + 0.5) / count
    return max(0.0, float(1 - 2 * (sizes / sizes.sum() * above).sum()))


def complexity(case: Case) -> float:
    """Entropy of the map of a case."""
    return entropy(case.heatmap)


def sparseness(case: Case) -> float:
    """Gini index of the map of a case."""
    return gini(case.heatmap)


def _magnitudes(heatmap: NDArray[Any]) -> NDArray[np.float64]:
    sizes = np.abs(np.asarray(heatmap, np.float64)).ravel()
    largest = sizes.max(initial=0.0)
    if not largest:
        raise NumericalError("the map is zero everywhere, so no pixel has a share in it")
    return sizes / largest
