"""Are derivatives those of the very function that ONNX Runtime computes? No second engine is asked.

Along a short way from the picture, derivatives add up to the change of the signal. The change
is measured by forward passes alone, along two ways: towards the picture's mean colour, and
towards its mirror image. A way is shortened until kinks and curvature no longer count, and not
so far that rounding would (``docs/decisions/030-engines.md``).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Array, PullBack, Seed
from onnxplain.adapters.parity import plain_input, resolution
from onnxplain.graph.image_input import ImageInput

TOLERANCE = 0.02
# Shares of the way that are tried, and the steps of each.
_SHARES = (1 / 8, 1 / 32, 1 / 128, 1 / 512, 1 / 2048)
_STEPS = 2
# What rounding may do to a change, as a share of the tolerance.
_NOISE = 0.25


@dataclass(frozen=True)
class SlopeCheck:
    """How well derivatives add up to what forward passes show.

    Attributes
    ----------
    error : float
        Largest difference over the ways, as a share of the change.
    """

    error: float

    @property
    def agrees(self) -> bool:
        """Whether they do."""
        return self.error <= TOLERANCE


@dataclass(frozen=True)
class _Drawn:
    """The same random slopes for every input."""

    tensors: tuple[str, ...]

    def slopes(self, values: Mapping[str, Array]) -> dict[str, Array]:
        drawn = np.random.default_rng(0)
        return {
            n: np.broadcast_to(drawn.random(values[n].shape[1:]), values[n].shape)
            for n in self.tensors
        }

    starts = slopes

    def secants(self, here: Mapping[str, Array], there: Mapping[str, Array]) -> dict[str, Array]:
        return self.slopes(here)


def check_slopes(
    pull_back: Callable[[Array, Sequence[Seed], Sequence[str]], PullBack],
    x: Array,
    image: ImageInput,
    starts: Sequence[str],
    names: Sequence[str],
) -> SlopeCheck:
    """Check derivatives at one input.

    Parameters
    ----------
    pull_back : callable
        The engine's.
    x : (1, ...) array
        The input.
    image : ImageInput
        What it is an input of.
    starts : sequence of str
        Tensors at which slopes start: random ones, of one sign, so that all numbers there count.
    names : sequence of str
        Tensors through which all that the signal owes to the input passes, none before another.
    """

    def look(point: NDArray[np.float64]) -> _Look:
        # One by one: what stands on the first axis of a tensor need not be the pictures.
        found = pull_back(point.astype(x.dtype), [_Drawn(tuple(starts))], names)
        return _Look(found.values, found.gradients[0])

    here = look(x.astype(np.float64))
    width = -1 if image.layout == "NCHW" else -2
    ends = (plain_input(x, image), np.flip(x, axis=width))
    return SlopeCheck(max(_along(look, here, x, end, starts) for end in ends))


@dataclass(frozen=True, eq=False)
class _Look:
    """What an engine says at one point."""

    values: Mapping[str, Array]
    slopes: Mapping[str, Array]

    def score(self, starts: Sequence[str]) -> tuple[float, float]:
        """The drawn sum over the start tensors, and what rounding may do to it."""
        given = _Drawn(tuple(starts)).slopes(self.values)
        total = sum(float((s * self.values[n].astype(np.float64)).sum()) for n, s in given.items())
        noise = sum(
            float((s * np.abs(self.values[n].astype(np.float64))).sum())
            * resolution(self.values[n])
            for n, s in given.items()
        )
        return total, noise

    def reaches(self, other: _Look) -> float:
        """The change to another point that the slopes at both add up to."""
        return sum(
            float(
                (
                    (slope.astype(np.float64) + other.slopes[n].astype(np.float64)) / 2
                    * (other.values[n].astype(np.float64) - self.values[n].astype(np.float64))
                ).sum()
            )
            for n, slope in self.slopes.items()
        )  # fmt: skip


def _along(
    look: Callable[[NDArray[np.float64]], _Look],
    here: _Look,
    x: Array,
    end: Array,
    starts: Sequence[str],
) -> float:
    best = float("inf")
    way = end.astype(np.float64) - x
    for share in _SHARES:
        points = [here, *(look(x + share * k / _STEPS * way) for k in range(1, _STEPS + 1))]
        if len({tuple(v.shape for v in p.values.values()) for p in points}) > 1:
            continue  # another number of boxes: there is no change to speak of
        scores = [p.score(starts) for p in points]
        change, noise = scores[-1][0] - scores[0][0], scores[0][1]
        if not np.isfinite(change) or noise >= _NOISE * TOLERANCE * abs(change):
            break
        reached = sum(first.reaches(second) for first, second in itertools.pairwise(points))
        best = min(best, abs(reached - change) / abs(change))
        if best <= TOLERANCE:
            break
    return best
