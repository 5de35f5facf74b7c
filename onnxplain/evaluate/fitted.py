"""A curve from few of its points: an even grid with exact ends, refined where the curve bends.

Between its points a curve is taken to be straight. What a point in the middle of an interval moves
the area by is seen when it is measured, and the half of that is what the two new intervals may
still hide: a quarter for a smooth curve, more for one that jumps. Those that may hide most are
halved next, until all together may hide no more than is allowed, and no single one would hide
more even if the score jumped at one of its ends. Points are those of the whole curve, so
that a fine enough grid is the whole curve.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.evaluate.removal import Curve

Pair = tuple[int, int]

# Intervals of the first grid; each is halved once before anything is known of its bends.
_FIRST = 16
# Intervals that are halved at a time, in one batch; more would halve some for nothing.
_AT_ONCE = 4
_HIDDEN = 0.5


@dataclass(frozen=True)
class Fit:
    """When the points of a curve are enough.

    Attributes
    ----------
    within : float
        How far the area may be from that of the whole curve, as estimated.
    jump : float
        The share of `within` that a single interval may hide at most, if the score jumps there.
    trust : float
        A jump in the middle of two halves moves no area: no interval is trusted further than this
        share of what the one it is part of might have hidden.
    """

    within: float
    jump: float = 0.2
    trust: float = 1 / 8


def fitted_curve(
    shares: NDArray[np.float64],
    scores: Callable[[list[int]], NDArray[np.float64]],
    enough: Fit,
    *,
    relative: bool = False,
) -> Curve:
    """Measure a curve at as few of its points as its area needs.

    Parameters
    ----------
    shares : (T,) array
        Where the whole curve has points, ascending; the first and the last are always measured.
    scores : callable
        From numbers of points to their scores; no point is asked for twice.
    enough : Fit
        When no more points are needed.
    relative : bool
        Take its `within` as a share of the range of the scores, which have no scale of their own.

    Returns
    -------
    Curve
        The measured points.
    """
    fit = _Fitted(shares, scores, enough)
    last = len(shares) - 1
    ends = sorted({round(last * k / _FIRST) for k in range(_FIRST + 1)})
    fit.measure(ends)
    fit.halve(dict.fromkeys(itertools.pairwise(ends), 0.0))
    while next_ones := fit.to_halve(fit.range if relative else 1.0):
        fit.halve({pair: fit.hidden.pop(pair) for pair in next_ones})
    points = sorted(fit.known)
    return Curve(shares[points], np.array([fit.known[p] for p in points]))


class _Fitted:
    """What is known of a curve so far."""

    def __init__(
        self,
        shares: NDArray[np.float64],
        scores: Callable[[list[int]], NDArray[np.float64]],
        enough: Fit,
    ) -> None:
        self._shares, self._scores, self._enough = shares, scores, enough
        self.known: dict[int, float] = {}
        # Area that each interval with further points inside may hide.
        self.hidden: dict[Pair, float] = {}

    @property
    def range(self) -> float:
        """Of the scores that are known."""
        return max(self.known.values()) - min(self.known.values())

    @property
    def _rounding(self) -> float:
        """What areas of a straight line may differ by: of a constant one, nothing is allowed."""
        return float(np.finfo(np.float64).eps) * max(map(abs, self.known.values()))

    def measure(self, points: list[int]) -> None:
        """Ask for the scores of points."""
        self.known.update(zip(points, map(float, self._scores(points)), strict=True))

    def to_halve(self, scale: float) -> list[Pair]:
        """Intervals that have to be halved, so that the area is close enough on that scale."""
        feared, within = self.hidden, self._enough.within * scale
        most = self._enough.jump * within
        jumps = {pair: self._jump(*pair) for pair in feared}
        if any(jump > most for jump in jumps.values()):
            feared = {pair: jump for pair, jump in jumps.items() if jump > most}
        elif sum(feared.values()) <= within + self._rounding:
            return []
        return sorted(feared, key=lambda pair: (-feared[pair], pair))[:_AT_ONCE]

    def halve(self, feared: dict[Pair, float]) -> None:
        """Measure in the middle of intervals, given with what each may hide."""
        inside = {pair: hides for pair, hides in feared.items() if pair[1] - pair[0] > 1}
        if not inside:
            return
        self.measure([(a + b) // 2 for a, b in inside])
        for (a, b), before in inside.items():
            middle = (a + b) // 2
            halves = [(a, middle), (middle, b)]
            moved = abs(sum(self._area(*half) for half in halves) - self._area(a, b))
            hides = max(_HIDDEN * moved / 2, self._enough.trust * before)
            self.hidden.update({half: hides for half in halves if half[1] - half[0] > 1})

    def _area(self, a: int, b: int) -> float:
        width = float(self._shares[b] - self._shares[a])
        return width * (self.known[a] + self.known[b]) / 2

    def _jump(self, a: int, b: int) -> float:
        """How far the area is off if the score jumps at one end of an interval."""
        width = float(self._shares[b] - self._shares[a])
        return width * abs(self.known[b] - self.known[a]) / 2
