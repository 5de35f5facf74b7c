"""Slopes of a smooth score, averaged on the straight way between two inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = Mapping[str, NDArray[Any]]
Slopes = dict[str, NDArray[Any]]
# Points of the quadrature on each part of the way; a part that is halved so often is a jump.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_SHORTEST = 2.0**-30
_TOLERANCE = 1e-13


def averaged(
    score: Callable[[Values], NDArray[np.float64]],
    slopes: Callable[[Values], Slopes],
    names: Sequence[str],
    here: Values,
    there: Values,
) -> Slopes:
    """Average slopes on the straight way, so that times the difference they give the change.

    On each part of the way, what the slopes give is compared with the change of the score; a
    part on which they differ by more than rounding is halved. A Softmax that saturates has all
    of its change on a short part of a long way.

    Parameters
    ----------
    score, slopes : callable
        A smooth function of tensors, (N,), and its derivatives.
    names : sequence of str
        The tensors.
    here, there : mapping of str to array
        Their values for two inputs.

    Returns
    -------
    dict of str to array
        In the shapes of the tensors.
    """
    starts = {n: np.asarray(there[n], np.float64) for n in names}
    way = {n: np.asarray(here[n], np.float64) - starts[n] for n in names}

    def at(place: float) -> Values:
        return {n: starts[n] + place * way[n] for n in names}

    mean: Slopes = {n: np.zeros_like(w) for n, w in way.items()}
    first, last = score(at(0.0)), score(at(1.0))
    allowed = _TOLERANCE * float(np.abs(last - first).sum())
    parts = [(0.0, 1.0, first, last)]
    while parts:
        start, stop, low, high = parts.pop()
        length = stop - start
        found: Slopes = {n: np.zeros_like(w) for n, w in way.items()}
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            for name, slope in slopes(at(start + length * (node + 1) / 2)).items():
                found[name] += length * weight / 2 * slope
        given = [found[n] * way[n] for n in names]
        missed = abs(sum(float(g.sum()) for g in given) - float((high - low).sum()))
        rounding = _TOLERANCE * sum(float(np.abs(g).sum()) for g in given)
        if missed <= allowed + rounding or length < _SHORTEST:
            for name, part in found.items():
                mean[name] += part
            continue
        middle = start + length / 2
        between = score(at(middle))
        parts += [(start, middle, low, between), (middle, stop, between, high)]
    return mean
