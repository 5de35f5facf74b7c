"""Points that fill a cube evenly, however many are taken."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError

# Points made at a time: a power of two, as the sequence likes it.
_ROWS = 64


class SpreadPoints:
    """A Sobol sequence, shifted at random and wrapped around (Cranley, Patterson 1976).

    Point k is the same however many are taken.

    Parameters
    ----------
    dimensions : int
        Of the cube [0, 1].
    seed : int
        Seed of the shift.

    Raises
    ------
    UsageError
        If there are more dimensions than the sequence has.
    """

    def __init__(self, dimensions: int, seed: int) -> None:
        # SciPy's statistics take a second to load, and only this needs them.
        from scipy.stats import qmc

        if dimensions > qmc.Sobol.MAXDIM:
            raise UsageError(
                f"a Sobol sequence has at most {qmc.Sobol.MAXDIM} dimensions, not {dimensions}; "
                f"take at most {qmc.Sobol.MAXDIM // 2} regions"
            )
        self._shift = np.random.default_rng(seed).random(dimensions)
        self._sequence = qmc.Sobol(dimensions, scramble=False)
        self._points = np.empty((0, dimensions))

    def rows(self, part: slice) -> NDArray[np.float64]:
        """Return points ``part.start`` to ``part.stop``, as an array with those on axis 0."""
        while len(self._points) < part.stop:
            made = self._sequence.random(_ROWS)
            self._points = np.concatenate([self._points, (made + self._shift) % 1.0])
        return self._points[part]
