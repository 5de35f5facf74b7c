"""Bounds for float32 results, from the noise that this machine's own kernels make.

How far a float32 result is from the exact one depends on the order of additions, and that on the
processor. A picture whose numbers change in their last bits is the same picture, but from the
first layer on every sum is rounded anew: how far results of such pictures are apart is how far
rounding alone takes a result on this machine. A few of them see the usual noise, not the largest,
and nothing that every run rounds alike, such as an approximation of ``exp``: hence `ALLOWED`. Over
eleven methods and the networks of `nets`, errors of float32 are between 0.2 and 1.7 times what is
measured here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from originals import difference

# The bound is so many times what was measured.
ALLOWED = 10
DRAWS = 4
LAST_BITS = 2.0**-22
# A gradient between two kinks of ReLU does not change with the picture, yet it is rounded.
LEAST = 4 * float(np.finfo(np.float32).eps)


def rounding(run: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> float:
    """Largest distance of results of pictures that differ from `x` in their last bits.

    Parameters
    ----------
    run : callable
        From a float32 picture to a result.
    x : ndarray
        The picture.

    Returns
    -------
    float
        As a share of the largest value, see `difference`; at least a few roundings.
    """
    rng = np.random.default_rng(0)
    result = run(x.astype(np.float32))
    apart = [LEAST]
    for _ in range(DRAWS):
        same = x * (1 + LAST_BITS * rng.uniform(-1, 1, x.shape))
        apart.append(difference(run(same.astype(np.float32)), result))
    return max(apart)


def require_float32(
    run: Callable[[np.ndarray], np.ndarray], x: np.ndarray, expected: np.ndarray
) -> None:
    """Require that the float32 result of `x` is what is `expected`, but for rounding."""
    assert difference(run(x.astype(np.float32)), expected) < ALLOWED * rounding(run, x)
