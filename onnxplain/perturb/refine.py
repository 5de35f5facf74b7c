"""Coarse to fine: compute a map on few positions, and more only where it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.between import between

# A cell of the coarse grid is refined if its corners differ by more than this share of
# the range of all values computed so far.
CHANGE = 0.2
# Values (M,) and classes (M,) for flat indices of positions.
Evaluate = Callable[[NDArray[np.int64]], tuple[NDArray[np.float64], NDArray[np.int64]]]


@dataclass(frozen=True)
class Refined:
    """A map of which some cells are interpolated.

    Attributes
    ----------
    values : (R, S) array
        Computed, or interpolated bilinearly.
    classes : (R, S) int array
        Computed, or that of the nearest computed position.
    interpolated : (R, S) bool array
        Which cells are not computed.
    """

    values: NDArray[np.float64]
    classes: NDArray[np.int64]
    interpolated: NDArray[np.bool_]


def refined(evaluate: Evaluate, shape: tuple[int, int], step: int) -> Refined:
    """Compute a map on every `step`-th position, then halve the step where it changes.

    Parameters
    ----------
    evaluate : callable
        Computes positions, given as flat indices.
    shape : (int, int)
        Positions along height and width.
    step : int
        First step in both directions; the last row and column are always computed.

    Returns
    -------
    Refined
        An approximation, unless `step` is 1: what lies between computed positions of nearly
        equal value may be anything.
    """
    values, classes = np.full(shape, np.nan), np.full(shape, -1)
    computed = np.zeros(shape, bool)

    def compute(wanted: NDArray[np.bool_]) -> None:
        indices = np.flatnonzero(wanted & ~computed)
        if len(indices):
            values.flat[indices], classes.flat[indices] = evaluate(indices)
            computed.flat[indices] = True

    lattice = _lattice(shape, step)
    compute(_points(shape, lattice))
    while step > 1:
        step = (step + 1) // 2 if step > 2 else 1
        finer = _joined(lattice, _lattice(shape, step))
        compute(_points(shape, finer) & _changing(values, computed, lattice))
        _interpolate(values, computed, lattice, finer)
        lattice = finer
    return Refined(values, filled(classes, computed), ~computed)


def filled(values: NDArray[Any], computed: NDArray[np.bool_]) -> NDArray[Any]:
    """Give what was not computed the value of the nearest position that was."""
    if computed.all():
        return values
    import scipy

    nearest = scipy.ndimage.distance_transform_edt(
        ~computed, return_distances=False, return_indices=True
    )
    return np.asarray(values[tuple(nearest)])


Lattice = tuple[NDArray[np.int64], NDArray[np.int64]]


def _lattice(shape: tuple[int, int], step: int) -> Lattice:
    rows, columns = (np.unique([*range(0, length, step), length - 1]) for length in shape)
    return rows, columns


def _joined(one: Lattice, other: Lattice) -> Lattice:
    return np.union1d(one[0], other[0]), np.union1d(one[1], other[1])


def _points(shape: tuple[int, int], lattice: Lattice) -> NDArray[np.bool_]:
    points = np.zeros(shape, bool)
    points[np.ix_(*lattice)] = True
    return points


def _changing(
    values: NDArray[np.float64], computed: NDArray[np.bool_], lattice: Lattice
) -> NDArray[np.bool_]:
    """Positions in cells of the lattice, borders included, whose corners differ."""
    rows, columns = lattice
    corners = values[np.ix_(rows, columns)]
    limit = CHANGE * float(np.ptp(values[computed]))
    found = np.zeros(values.shape, bool)
    for i in range(max(1, len(rows) - 1)):
        for j in range(max(1, len(columns) - 1)):
            cell = corners[i : i + 2, j : j + 2]
            if np.ptp(cell) > limit:
                last_row, last_column = rows[i : i + 2][-1], columns[j : j + 2][-1]
                found[rows[i] : last_row + 1, columns[j] : last_column + 1] = True
    return found


def _interpolate(
    values: NDArray[np.float64], computed: NDArray[np.bool_], lattice: Lattice, finer: Lattice
) -> None:
    """Give the finer lattice's other positions the values between those of the lattice."""
    missing = np.argwhere(_points(values.shape, finer) & ~computed)
    if not len(missing):
        return
    rows, columns = (
        np.interp(at, places, np.arange(len(places)))
        for at, places in zip(missing.T, lattice, strict=True)
    )
    values[tuple(missing.T)] = between(values[np.ix_(*lattice)], rows, columns)
