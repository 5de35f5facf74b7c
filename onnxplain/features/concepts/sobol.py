"""Total Sobol indices: the share of a function's variance that an input has a part in."""

from __future__ import annotations

import numpy as np
import scipy
from numpy.typing import NDArray


def sobol_design(inputs: int, designs: int, seed: int = 0) -> NDArray[np.float64]:
    """Points at which a function of inputs in [0, 1] is evaluated for `total_indices`.

    Parameters
    ----------
    inputs : int
        Number of inputs d.
    designs : int
        Number of points N of each of both random designs; a power of two.
    seed : int
        Of the scrambled Sobol sequence.

    Returns
    -------
    (N (d + 2), d) array
        Design A, design B, then for each input A with that input from B.
    """
    points = scipy.stats.qmc.Sobol(2 * inputs, scramble=True, seed=seed).random(designs)
    a, b = points[:, :inputs], points[:, inputs:]
    mixed = [np.where(np.arange(inputs) == k, b, a) for k in range(inputs)]
    return np.concatenate([a, b, *mixed])


def total_indices(answers: NDArray[np.float64], inputs: int) -> NDArray[np.float64]:
    """Total index of each input from a function's values at a design, by Jansen's estimator.

    Parameters
    ----------
    answers : (N (d + 2),) array
        Values at the points of `sobol_design`.
    inputs : int
        Number of inputs d.

    Returns
    -------
    (d,) float64 array
        All zeros if the function is constant.

    Notes
    -----
    Jansen 1999, "Analysis of variance designs for model output", as in Fel et al. 2021, "Look at
    the variance! Efficient black-box explanations with Sobol-based sensitivity analysis".
    """
    parts = np.asarray(answers, np.float64).reshape(inputs + 2, -1)
    variance = float(parts[:2].var())
    if variance == 0:
        return np.zeros(inputs)
    return np.asarray(((parts[0] - parts[2:]) ** 2).mean(axis=1) / (2 * variance), np.float64)
