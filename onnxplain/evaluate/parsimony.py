"""How few pixels does a map name? Both measures look at the map alone, never at the model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.evaluate.case import Case
from onnxplain.explanations.sparsity import gini, magnitudes

__all__ = ["complexity", "entropy", "gini", "sparseness"]


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
    sizes = magnitudes(heatmap)
    shares = sizes[sizes > 0] / sizes.sum()
    return max(0.0, float(-(shares * np.log(shares)).sum()))


def complexity(case: Case) -> float:
    """Entropy of the map of a case."""
    return entropy(case.heatmap)


def sparseness(case: Case) -> float:
    """Gini index of the map of a case."""
    return gini(case.heatmap)
