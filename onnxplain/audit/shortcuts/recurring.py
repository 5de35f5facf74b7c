"""Content that recurs in one place of many pictures of a class, and not in those of others.

Maps are not asked: a mark on half of a class's pictures may hold so little of their evidence that
no place stands out. Whether it matters to the model is tested afterwards.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.shortcuts.places import WINDOW
from onnxplain.audit.zones import small

# Two pictures agree in a cell if they differ by less than this part of what pictures of other
# classes differ there, and in a window if they do in so many of its cells.
_ALIKE, _CELLS = 0.25, 0.3
# Pictures of the class, beyond the share of other classes' that agree too, and at least.
_RECURS, _LEAST = 0.25, 3


class Recurring(NamedTuple):
    """A window whose content recurs: its top left cell, and which of the pictures have it."""

    row: int
    column: int
    members: list[int]


def cells(x: NDArray[Any], channel_axis: int) -> NDArray[np.float32]:
    """Mean of an input over the cells of the grid, (C, SIDE, SIDE).

    Parameters
    ----------
    x : (1, ...) array
        One input.
    channel_axis : int
        Position of the channels, in a batch.
    """
    return np.stack([small(channel) for channel in np.moveaxis(x, channel_axis, 1)[0]])


def recurring(ours: NDArray[Any], others: NDArray[Any]) -> Recurring | None:
    """Find the window whose content most pictures of a class share, and fewest of the others.

    Parameters
    ----------
    ours, others : (N, C, SIDE, SIDE) array
        See `cells`: pictures of the class, and of other classes.

    Returns
    -------
    Recurring or None
        ``None`` if no content recurs.
    """
    # How far two pictures of other classes are apart: a cell that is the same in all of them
    # tells nothing, and agrees with nothing.
    apart = np.sqrt(2 * others.astype(np.float64).var(axis=0).mean(axis=0))
    best, found = 0.0, None
    for first in range(len(ours)):
        shares = [_agreeing(ours[first], group, apart) for group in (ours, others)]
        mine, theirs = (share >= _CELLS for share in shares)
        more = mine.mean(axis=0) - theirs.mean(axis=0)
        enough = (more >= _RECURS) & (mine.sum(axis=0) >= _LEAST)
        # Cells in which pictures agree, and not pictures alone: the window holds the whole mark.
        agreed = [np.where(share >= _CELLS, share, 0.0).mean(axis=0) for share in shares]
        value = np.where(enough, agreed[0] - agreed[1], 0.0)
        if value.max() > best:
            row, column = np.unravel_index(value.argmax(), value.shape)
            best = float(value.max())
            members = np.flatnonzero(mine[:, row, column])
            found = Recurring(int(row), int(column), [int(k) for k in members])
    return found


def _agreeing(
    one: NDArray[Any], group: NDArray[Any], apart: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of the cells of each window in which pictures agree with one, (N, rows, columns)."""
    off = np.sqrt(np.mean((group.astype(np.float64) - one) ** 2, axis=1))
    alike = (off < _ALIKE * apart).astype(np.float64)
    sums = np.pad(alike.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
    low, high = sums[:, :-WINDOW], sums[:, WINDOW:]
    total = high[..., WINDOW:] - high[..., :-WINDOW] - low[..., WINDOW:] + low[..., :-WINDOW]
    return np.asarray(total / WINDOW**2)
