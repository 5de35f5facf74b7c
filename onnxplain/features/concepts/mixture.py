"""A mixture of Gaussians for a few vectors of many dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from onnxplain.errors import UsageError

# Variance that each direction has at least, as a share of the mean variance of a coordinate.
_LEAST = 0.05
_STARTS = 5
_RANK = 1e-9


@dataclass(frozen=True)
class Mixture:
    """A mixture whose covariances are full in the space that the vectors span.

    Attributes
    ----------
    centre : (D,) float64 array
        Mean of the vectors.
    axes : (d, D) float64 array
        Orthonormal directions that they span.
    weights : (k,) float64 array
        Share of each Gaussian.
    means : (k, d) float64 array
        In coordinates along the axes, from the centre.
    covariances : (k, d, d) float64 array
        The same.
    least : float
        Variance in all directions that the vectors do not span.
    """

    centre: NDArray[np.float64]
    axes: NDArray[np.float64]
    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]
    least: float

    @property
    def whole_means(self) -> NDArray[np.float64]:
        """Means in the space of the vectors, (k, D)."""
        return np.asarray(self.centre + self.means @ self.axes, np.float64)

    def log_parts(self, vectors: NDArray[Any]) -> NDArray[np.float64]:
        """Logarithm of each Gaussian's density times its weight, (n, k)."""
        moved = np.asarray(vectors, np.float64) - self.centre
        inside = moved @ self.axes.T
        left = np.maximum((moved**2).sum(axis=1) - (inside**2).sum(axis=1), 0.0)
        beside = len(self.centre) - len(self.axes)
        outer = -0.5 * (left / self.least + beside * np.log(2 * np.pi * self.least))
        found = []
        for weight, mean, spread in zip(self.weights, self.means, self.covariances, strict=True):
            root = scipy.linalg.cholesky(spread, lower=True)
            far = scipy.linalg.solve_triangular(root, (inside - mean).T, lower=True)
            size = len(mean) * np.log(2 * np.pi) + 2 * np.log(np.diag(root)).sum()
            found.append(np.log(weight) - 0.5 * ((far**2).sum(axis=0) + size))
        return np.asarray(np.stack(found, axis=1) + outer[:, None], np.float64)

    def log_likelihood(self, vectors: NDArray[Any]) -> NDArray[np.float64]:
        """Logarithm of the density at each vector, (n,), in nats."""
        return np.asarray(scipy.special.logsumexp(self.log_parts(vectors), axis=1), np.float64)


def fit_mixture(vectors: NDArray[Any], count: int, seed: int = 0) -> Mixture:
    """Fit a mixture by expectation maximisation, from the best of some starts.

    Every direction has a least variance (a twentieth of the mean variance of a coordinate): with
    fewer vectors than dimensions a likelihood would have no upper limit.

    Parameters
    ----------
    vectors : (n, D) array
        What is fitted.
    count : int
        Number of Gaussians.
    seed : int
        Of the starts.

    Raises
    ------
    UsageError
        If there are fewer vectors than twice the Gaussians, or all are the same.
    """
    rows = np.asarray(vectors, np.float64)
    if count < 1 or len(rows) < max(2, 2 * count):
        raise UsageError(
            f"{count} prototypes need {max(2, 2 * count)} or more pictures, not {len(rows)}; give "
            "more pictures of the class, or fewer --prototypes"
        )
    centre = rows.mean(axis=0)
    _, sizes, axes = np.linalg.svd(rows - centre, full_matrices=False)
    kept = sizes > _RANK * max(float(np.linalg.norm(rows)), np.finfo(np.float64).tiny)
    if not kept.any():
        raise UsageError("the relevance of all pictures is the same: there are no prototypes")
    axes = axes[kept]
    least = _LEAST * float((sizes**2).sum()) / rows.size
    from sklearn.mixture import GaussianMixture

    found = GaussianMixture(count, reg_covar=least, n_init=_STARTS, random_state=seed)
    found.fit((rows - centre) @ axes.T)
    return Mixture(centre, axes, found.weights_, found.means_, found.covariances_, least)
