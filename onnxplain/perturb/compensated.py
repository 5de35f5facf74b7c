"""Sums of many small arrays, with what rounding took from them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class CompensatedSum:
    """A running sum as exact as one of twice the precision.

    The rounding error of each addition (Knuth's TwoSum, exact whichever number is larger) is
    summed beside it (Ogita, Rump, Oishi 2005), so that float32 terms need no float64 copies.
    """

    def __init__(self) -> None:
        self._sum: NDArray[Any] | None = None
        self._lost: NDArray[Any] | None = None

    def add(self, term: NDArray[Any]) -> None:
        """Add an array, always of one shape and of one floating type."""
        if self._sum is None or self._lost is None:
            self._sum, self._lost = term.copy(), np.zeros_like(term)
            return
        total = self._sum + term
        added = total - self._sum
        lost = total - added
        np.subtract(self._sum, lost, out=lost)
        np.subtract(term, added, out=added)
        lost += added
        self._lost += lost
        self._sum = total

    def scale(self, factor: float) -> None:
        """Multiply what was summed; exact if the factor is a power of two."""
        if self._sum is not None and self._lost is not None:
            kind = self._sum.dtype.type(factor)
            self._sum, self._lost = self._sum * kind, self._lost * kind

    def value(self) -> NDArray[np.float64]:
        """The sum.

        Raises
        ------
        ValueError
            If nothing was added.
        """
        if self._sum is None or self._lost is None:
            raise ValueError("nothing was added")
        return self._sum.astype(np.float64) + self._lost
