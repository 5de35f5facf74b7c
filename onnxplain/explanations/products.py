"""Matrix products that leave the other processors to ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# OpenBLAS multiplies on one thread up to so many multiplications (interface/gemm.c:
# SMP_THRESHOLD_MIN times GEMM_MULTITHREAD_THRESHOLD). Above, it wakes a thread on each
# processor, and these go on spinning for some 20 ms, in the way of the next forward pass.
_ALONE = 2**18


def product(
    left: NDArray[Any], right: NDArray[Any], out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Return the matrix product of `left` and `right`, made a few columns at a time.

    Parameters
    ----------
    left : (M, K) array
    right : (K, N) array
    out : (M, N) array, optional
        Where it is written; a new array of the factors' type if not given.
    """
    if out is None:
        out = np.empty((len(left), right.shape[1]), np.result_type(left, right))
    width = max(1, _ALONE // left.size)
    for start in range(0, right.shape[1], width):
        part = np.s_[:, start : start + width]
        np.matmul(left, right[part], out=out[part])
    return out
