"""Which axes of a tensor are the picture's, if its elements stand at a grid of places."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.places import Pixels, Places

Tags = tuple[str, ...]
Order = NDArray[np.int64]
# Places that differ by less are the same, in pixels.
_STEPS = 64
# More places than this are a map only if they stand in straight rows: to sort them takes seconds.
_MOST = 1 << 21


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A grid of places that a tensor holds.

    Attributes
    ----------
    tags : tuple of str
        One of N, C, H, W, L (tokens) for each axis.
    grid : (int, int)
        Rows and columns of places.
    prefix : int
        Tokens in front of them that stand for no place.
    order : int array or None
        Where the places stand, the picture's row by row, in the flattened place axes of the
        tensor; ``None`` if they stand there in this order, after `prefix`.
    rows, columns : array
        Pixels at which they stand, (rows,) and (columns,).
    """

    tags: Tags
    grid: tuple[int, int]
    prefix: int
    order: Order | None
    rows: Pixels
    columns: Pixels


def arranged(places: Places) -> Arrangement | None:
    """Return the grid of a tensor, or ``None`` if its places form none.

    A grid has each pair of a row and a column once. Along all other axes, the places lie closer
    together than the grid is wide, as where patches are folded into channels.
    """
    batch = places.marks.index("N") if "N" in places.marks else -1
    along = [k for k in range(places.rank) if any(a.shape[k] > 1 for a in places.at)]
    if batch in along:
        return None
    # Most tensors are maps, whose axes are known.
    maps = tuple(k for k in along if places.marks[k] in ("H", "W"))
    for axes in dict.fromkeys((maps, *((k,) for k in along), *combinations(along, 2))):
        if not 1 <= len(axes) <= 2:
            continue
        others = [k for k in along if k not in axes]
        found = _grid(places, places.contracted(others) if others else places, axes)
        if found is not None:
            return found
    return None


def place_marks(places: Places) -> Tags | None:
    """Tags of a map of one place only, by what its axes were last known to be."""
    return places.marks if not places.varying and {"H", "W"} <= set(places.marks) else None


def _grid(places: Places, reach: Places, axes: tuple[int, ...]) -> Arrangement | None:
    tags = _tags(places, axes, reach)
    if len(axes) == 2:
        axes = tags.index("H"), tags.index("W")
        if (simple := _straight(reach, axes)) is not None and _tells_apart(places, reach):
            return Arrangement(tags, simple[1], 0, *simple[0])
    lengths = tuple(places.shape[k] for k in axes)
    if math.prod(lengths) > _MOST:
        return None
    top, bottom, left, right = (_flat(a, axes, lengths) for a in reach.at)
    known = ~np.isnan(top + left)
    if known.sum() < 2 or not _tells_apart(places, reach):
        return None
    rows, row = _distinct((top + bottom)[known] / 2)
    columns, column = _distinct((left + right)[known] / 2)
    number = row * len(columns) + column
    if len(number) != len(rows) * len(columns) or len(np.unique(number)) != len(number):
        return None
    where = np.flatnonzero(known)
    order = where[np.argsort(number)]
    prefix = int(where[0])
    if "L" not in tags and len(where) < len(known):
        return None
    grid = (len(rows), len(columns))
    lies = np.array_equal(order, np.arange(prefix, len(known)))
    lies = lies and ("L" in tags or grid == _own_grid(places.shape, tags))
    return Arrangement(tags, grid, prefix, None if lies else order, rows, columns)


def _straight(
    reach: Places, axes: tuple[int, ...]
) -> tuple[tuple[Order | None, Pixels, Pixels], tuple[int, int]] | None:
    """Order, rows and columns where rows run along one axis and columns along the other."""
    found: list[Pixels] = []
    for axis, (first, last) in zip(axes, (reach.at[:2], reach.at[2:]), strict=True):
        if any(a.size != a.shape[axis] for a in (first, last)):
            return None
        found.append(((first + last) / 2).ravel().astype(np.float32))
    orders = [np.argsort(values, kind="stable") for values in found]
    rows, columns = (v[o] for v, o in zip(found, orders, strict=True))
    if not all((np.diff(v) > 1 / _STEPS).all() for v in (rows, columns)):
        return None
    grid = (len(rows), len(columns))
    if all(np.array_equal(o, np.arange(n)) for o, n in zip(orders, grid, strict=True)):
        return (None, rows, columns), grid
    return ((orders[0][:, None] * grid[1] + orders[1]).ravel(), rows, columns), grid


def _own_grid(shape: tuple[int, ...], tags: Tags) -> tuple[int, int]:
    return shape[tags.index("H")], shape[tags.index("W")]


def _flat(a: Pixels, axes: tuple[int, ...], lengths: tuple[int, ...]) -> Pixels:
    kept = a.transpose([*axes, *(k for k in range(a.ndim) if k not in axes)])
    return np.broadcast_to(kept.reshape(kept.shape[: len(axes)]), lengths).ravel()


def _tells_apart(places: Places, reach: Places) -> bool:
    """Whether places lie further apart than each one reaches, or all are one."""
    for own, found in ((places.at[:2], reach.at[:2]), (places.at[2:], reach.at[2:])):
        wide, middle = _most(found[1] - found[0]), (found[0] + found[1]) / 2
        apart = _most(middle) + _most(-middle)
        if wide > (apart or _most(own[1] - own[0])):
            return False
    return True


def _most(values: NDArray[np.floating[Any]]) -> float:
    """Largest of those that are numbers."""
    return float(np.fmax.reduce(values, axis=None))


def _distinct(values: Pixels) -> tuple[Pixels, Order]:
    steps, number = np.unique(np.round(values * _STEPS), return_inverse=True)
    return (steps / _STEPS).astype(np.float32), number.ravel()


def _tags(places: Places, axes: tuple[int, ...], reach: Places) -> Tags:
    tags = ["N" if mark == "N" else "C" for mark in places.marks]
    if len(axes) == 2:
        # Where rows run along, or what was known of the axes if both run along both.
        runs = [[any(a.shape[k] > 1 for a in reach.at[n : n + 2]) for k in axes] for n in (0, 2)]
        turned = runs == [[False, True], [True, False]]
        if runs[0] == runs[1]:
            turned = places.marks[axes[0]] == "W"
        tags[axes[0]], tags[axes[1]] = "WH" if turned else "HW"
        return tuple(tags)
    (axis,) = axes
    mark, other = places.marks[axis], {"H": "W", "W": "H"}.get(places.marks[axis], "")
    thin = [k for k, m in enumerate(places.marks) if m == other and places.shape[k] == 1]
    tags[axis] = "L"
    if thin:
        tags[axis], tags[thin[0]] = mark, other
    return tuple(tags)
