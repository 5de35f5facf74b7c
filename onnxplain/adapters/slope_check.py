"""Are derivatives those of the very function that ONNX Runtime computes? No second engine is asked.

Along a short way from the picture, derivatives add up to the change of the signal. The change
is measured by forward passes alone, along two ways: towards the picture's mean colour, and
towards its mirror image. Steps are halved until kinks and curvature no longer count, and a way
is so long that rounding does not either (``docs/decisions/030-engines.md``).
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
# Shares of the way, of which the first one is taken along which rounding does not count.
_SHARES = (1 / 32, 1 / 8, 1 / 2)
# Steps at most: each halving of a step halves what kinks and curvature do.
_STEPS = 64
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
    way = end.astype(np.float64) - x
    for share in _SHARES:
        last = look(x + share * way)
        if not _same_shapes(here, last):
            continue  # another number of boxes: there is no change to speak of
        (first, noise), (second, _) = here.score(starts), last.score(starts)
        change = second - first
        if np.isfinite(change) and noise < _NOISE * TOLERANCE * abs(change):
            break
    else:
        return float("inf")
    points, error = [here, last], float("inf")
    while len(points) <= _STEPS and error > TOLERANCE:
        count = 2 * (len(points) - 1)
        between = [look(x + share * k / count * way) for k in range(1, count, 2)]
        points = [p for pair in zip(points, [*between, None], strict=True) for p in pair if p]
        if not all(_same_shapes(here, p) for p in between):
            return float("inf")
        reached = sum(one.reaches(next_) for one, next_ in itertools.pairwise(points))
        error = min(error, abs(reached - change) / abs(change))
    return error


def _same_shapes(one: _Look, other: _Look) -> bool:
    return all(v.shape == other.values[n].shape for n, v in one.values.items())
