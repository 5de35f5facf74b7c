"""Are derivatives those of the very function that ONNX Runtime computes? No second engine is asked.

Along a short way from the picture, derivatives add up to the change of the signal. The change
is measured by forward passes alone, along two ways: towards the picture's mean colour, and
towards its mirror image. A way is shortened until kinks and curvature no longer count, and not
so far that rounding would (``docs/decisions/030-engines.md``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from onnxplain.adapters.base import Array, PullBack, Seed
from onnxplain.adapters.parity import LARGEST_NOISE, plain_input, resolution
from onnxplain.graph.image_input import ImageInput

TOLERANCE = 0.02
# Shares of the way that are tried, and the steps of each.
_SHARES = (1 / 8, 1 / 32, 1 / 128, 1 / 512)
_STEPS = 2


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


@dataclass(frozen=True, eq=False)
class _Fixed:
    """The same slopes for every input."""

    given: Mapping[str, Array]

    @property
    def tensors(self) -> tuple[str, ...]:
        return tuple(self.given)

    def slopes(self, values: Mapping[str, Array]) -> dict[str, Array]:
        return {n: np.broadcast_to(s, values[n].shape) for n, s in self.given.items()}

    starts = slopes

    def secants(self, here: Mapping[str, Array], there: Mapping[str, Array]) -> dict[str, Array]:
        return self.slopes(here)


def check_slopes(
    pull_back: Callable[[Array, Sequence[Seed], Sequence[str]], PullBack],
    x: Array,
    image: ImageInput,
    seed: Seed,
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
    seed : Seed
        Where slopes start; taken as they are at `x`.
    names : sequence of str
        Tensors through which all that the signal owes to the input passes, none before another.
    """
    start = pull_back(x, [seed], names)
    given = {n: np.asarray(s, np.float64) for n, s in seed.slopes(start.values).items()}
    if not any(s.any() for s in given.values()):
        drawn = np.random.default_rng(0)
        given = {n: drawn.standard_normal(s.shape) for n, s in given.items()}
    fixed = _Fixed(given)
    width = -1 if image.layout == "NCHW" else -2
    ends = (plain_input(x, image), np.flip(x, axis=width))
    errors = [_along(pull_back, x, end, fixed, names) for end in ends]
    return SlopeCheck(max(errors))


def _along(
    pull_back: Callable[[Array, Sequence[Seed], Sequence[str]], PullBack],
    x: Array,
    end: Array,
    seed: _Fixed,
    names: Sequence[str],
) -> float:
    best = float("inf")
    way = end.astype(np.float64) - x
    for share in _SHARES:
        points = [x + share * k / _STEPS * way for k in range(_STEPS + 1)]
        found = pull_back(np.concatenate(points).astype(x.dtype), [seed], names)
        slopes = {n: g.astype(np.float64) for n, g in found.gradients[0].items()}
        values = {n: v.astype(np.float64) for n, v in found.values.items()}
        reached = sum(
            float(((slopes[n][1:] + slopes[n][:-1]) / 2 * np.diff(values[n], axis=0)).sum())
            for n in names
        )
        change = sum(
            float((s[0] * (values[n][-1] - values[n][0])).sum()) for n, s in seed.given.items()
        )
        noise = sum(
            float((np.abs(s[0]) * np.abs(values[n][0])).sum()) * resolution(found.values[n])
            for n, s in seed.given.items()
        )
        if noise >= LARGEST_NOISE * TOLERANCE * abs(change) or not np.isfinite(change):
            break
        best = min(best, abs(reached - change) / abs(change))
        if best <= TOLERANCE:
            break
    return best
