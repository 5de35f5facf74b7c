"""Non-negative factors of activations, and coefficients in a given basis."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError, UsageError

_STEPS = 1000
_TOLERANCE = 1e-5


def require_non_negative(values: NDArray[Any], tensor: str) -> None:
    """Refuse activations below zero: they are no sum of parts.

    Raises
    ------
    MethodRefusedError
        If there are some.
    """
    if (values < 0).any():
        raise MethodRefusedError(
            f"layer {tensor!r} has negative activations ({float(values.min()):.3g}): factors need "
            "a layer whose values are 0 or more, such as the output of a ReLU; name one with "
            "--layer"
        )


def factorise(
    values: NDArray[Any], count: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Non-negative matrix factorisation: values are about coefficients times basis.

    Coordinate descent from the non-negative double singular value decomposition: nothing is
    drawn. Each vector of the basis has length one.

    Parameters
    ----------
    values : (n, C) array
        Non-negative rows.
    count : int
        Number of vectors in the basis.

    Returns
    -------
    (n, count) float64 array
        Coefficients.
    (count, C) float64 array
        Basis.
    float
        What is left, as a share of the norm of all values.

    Raises
    ------
    UsageError
        If there are fewer rows or columns than vectors, or only zeros.

    Notes
    -----
    Lee, Seung 1999, "Learning the parts of objects by non-negative matrix factorization".
    """
    rows = np.asarray(values, np.float64)
    size = float(np.linalg.norm(rows))
    if count < 1 or count > min(rows.shape) or size == 0:
        raise UsageError(
            f"{count} concepts cannot be found in {rows.shape[0]} crops with {rows.shape[1]} "
            "channels that are not all zero; give more pictures, or fewer --concepts"
        )
    from sklearn.decomposition import NMF

    found = NMF(count, init="nndsvda", max_iter=_STEPS, tol=_TOLERANCE)
    coefficients = found.fit_transform(rows / size) * size
    basis = found.components_
    lengths = np.linalg.norm(basis, axis=1)
    basis = basis / np.where(lengths > 0, lengths, 1.0)[:, None]
    coefficients = coefficients * lengths
    return coefficients, basis, float(np.linalg.norm(rows - coefficients @ basis)) / size


def coefficients_of(values: NDArray[Any], basis: NDArray[np.float64]) -> NDArray[np.float64]:
    """Non-negative least squares of each row in a basis, (n, k) from (n, C) and (k, C)."""
    # The same minimum with k rows instead of C.
    turned, small = np.linalg.qr(basis.T)
    rows = np.asarray(values, np.float64) @ turned
    return np.array([scipy.optimize.nnls(small, row)[0] for row in rows])
