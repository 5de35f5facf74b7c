"""Fill removed pixels from their neighbours, with noise: what is missing cannot be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows and columns to a neighbour, and its weight: direct ones a sixth, diagonal ones a twelfth.
# One of each pair of opposite ones; the other has the same weight.
_NEIGHBOURS = (((0, 1), 1 / 6), ((1, 0), 1 / 6), ((1, 1), 1 / 12), ((1, -1), 1 / 12))


def impute(values: NDArray[Any], removed: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Make every removed pixel the weighted mean of its eight neighbours.

    Neighbours that are removed as well are unknowns too, so this solves a sparse linear
    system. At the border the weights of the neighbours that there are count, made to add up to 1.

    Parameters
    ----------
    values : (H, W, C) array
        The picture.
    removed : (H, W) bool array
        The pixels to be replaced; not all of them.

    Returns
    -------
    (H, W, C) array
        The picture with the removed pixels filled; without the noise of the paper.

    References
    ----------
    Rong et al. 2022, arXiv:2202.00449 (noisy linear imputation).
    """
    from scipy import sparse
    from scipy.sparse import linalg

    height, width = removed.shape
    filled = values.astype(np.float64)
    count = int(removed.sum())
    if not count:
        return filled
    number = np.full(removed.shape, -1)
    number[removed] = np.arange(count)
    weights = np.zeros(count)
    given = np.zeros((count, values.shape[2]))
    rows, columns, entries = [], [], []
    for (down, right), weight in _NEIGHBOURS:
        one = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
        other = (slice(down, height), slice(max(0, right), width + min(0, right)))
        for here, there in ((one, other), (other, one)):
            asked = removed[here]
            equations = number[here][asked]
            beside = number[there][asked]
            weights[equations] += weight
            unknown = beside >= 0
            given[equations[~unknown]] += weight * filled[there][asked][~unknown]
            rows.append(equations[unknown])
            columns.append(beside[unknown])
            entries.append(np.full(int(unknown.sum()), -weight))
    diagonal = np.arange(count)
    system = sparse.csc_matrix(
        (
            np.concatenate([weights, *entries]),
            (np.concatenate([diagonal, *rows]), np.concatenate([diagonal, *columns])),
        ),
        shape=(count, count),
    )
    # Symmetric and diagonally dominant: the pivots may stay on the diagonal.
    solver = linalg.splu(system, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    filled[removed] = solver.solve(given)
    return filled
