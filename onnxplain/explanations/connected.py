"""Connected parts of a mask, and the blur before it is one, without SciPy's image package.

``scipy.ndimage`` does this too, but it takes longer to load than a class activation map takes to
compute.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.products import product

# Where SciPy cuts a Gaussian off, in standard deviations.
_CUT = 4.0


def connected_parts(inside: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
    """Number the parts of a mask that hang together along rows or columns.

    Runs of each row are joined with those of the row above that they touch.

    Parameters
    ----------
    inside : (H, W) bool array
        The mask.

    Returns
    -------
    numbers : (H, W) int array
        0 outside, and from 1 on in the order in which parts begin.
    count : int
        How many there are.
    """
    edges = np.diff(np.pad(inside, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, begins = (at.tolist() for at in np.nonzero(edges == 1))
    ends = np.nonzero(edges == -1)[1].tolist()
    part = list(range(len(rows)))

    def first(run: int) -> int:
        while part[run] != run:
            part[run] = part[part[run]]
            run = part[run]
        return run

    above = 0
    for run, row in enumerate(rows):
        # Of the runs above, those that end too far left touch no later run of this row either.
        while above < run and (
            rows[above] < row - 1 or (rows[above] == row - 1 and ends[above] <= begins[run])
        ):
            above += 1
        other = above
        while other < run and rows[other] == row - 1 and begins[other] < ends[run]:
            joined = sorted((first(other), first(run)))
            part[joined[1]] = joined[0]
            other += 1
    numbers = np.zeros(inside.shape, np.int64)
    known: dict[int, int] = {}
    for run, row in enumerate(rows):
        number = known.setdefault(first(run), len(known) + 1)
        numbers[row, begins[run] : ends[run]] = number
    return numbers, len(known)


def blurred(values: NDArray[np.float64], sigma: float, step: int = 1) -> NDArray[np.float64]:
    """Blur by a Gaussian that is cut off at four standard deviations; borders are mirrored.

    Parameters
    ----------
    values : (H, W) array
    sigma : float
        Standard deviation in pixels, above 0.
    step : int
        Only every so many rows and columns are computed, the first of them in the middle of as
        many pixels.
    """
    down, across = (_gaussian(length, sigma, step) for length in values.shape)
    return product(product(down, values), across.T)


def _gaussian(length: int, sigma: float, step: int) -> NDArray[np.float64]:
    """(places, length) matrix of the blur along one axis, read at some places."""
    reach = int(_CUT * sigma + 0.5)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    # d c b a | a b c d | d c b a, and so on.
    places = np.arange(min((step - 1) // 2, length - 1), length, step)
    at = (places[:, None] + offsets) % (2 * length)
    at = np.minimum(at, 2 * length - 1 - at)
    matrix = np.zeros((len(places), length))
    np.add.at(matrix, (np.arange(len(places))[:, None], at), weights / weights.sum())
    return matrix
