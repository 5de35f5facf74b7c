"""Where a coarse map lies on the picture, if not evenly over all of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Under which a record keeps it.
NOTE = "spread"
# Top, left, bottom and right edge, in pixels of the model's input.
Edges = tuple[float, float, float, float]


@dataclass(frozen=True)
class Spread:
    """A part of the picture on which a map lies, and the part that its layer sees.

    Attributes
    ----------
    cells : four numbers
        Edges of the region on which the cells stand; it may reach over the picture's.
    seen : four numbers
        Edges of what the layer can see; outside there is no evidence.
    picture : (int, int)
        Height and width of the model's input.
    """

    cells: Edges
    seen: Edges
    picture: tuple[int, int]

    @classmethod
    def of_notes(cls, notes: Mapping[str, Any]) -> Spread | None:
        """Read what `to_dict` wrote; ``None`` if there is nothing, or nothing that makes sense."""
        told = notes.get(NOTE)
        if not isinstance(told, Mapping):
            return None
        found = [_numbers(told.get(key), count) for key, count in _LENGTHS.items()]
        if any(not numbers for numbers in found):
            return None
        cells, seen, (height, width) = found
        if cells[0] >= cells[2] or cells[1] >= cells[3] or min(height, width) < 1:
            return None
        return cls(
            (cells[0], cells[1], cells[2], cells[3]),
            (seen[0], seen[1], seen[2], seen[3]),
            (int(height), int(width)),
        )

    def to_dict(self) -> dict[str, list[float]]:
        """Plain data for a record."""
        return {"cells": [*self.cells], "seen": [*self.seen], "picture": [*self.picture]}

    def positions(
        self, grid: tuple[int, int], size: tuple[int, int]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Rows and columns of the map, fractions included, at the pixels of a larger picture."""
        rows, columns = (
            (at - self.cells[k]) * grid[k] / (self.cells[k + 2] - self.cells[k]) - 0.5
            for k, at in enumerate(self._middles(size))
        )
        return rows, columns

    def sees(self, size: tuple[int, int]) -> NDArray[np.bool_]:
        """Which pixels of a larger picture the layer can see, (height, width)."""
        rows, columns = (
            (at > self.seen[k]) & (at < self.seen[k + 2])
            for k, at in enumerate(self._middles(size))
        )
        return rows[:, None] & columns[None, :]

    def _middles(self, size: tuple[int, int]) -> list[NDArray[np.float64]]:
        return [
            (np.arange(new) + 0.5) * own / new for new, own in zip(size, self.picture, strict=True)
        ]


_LENGTHS = {"cells": 4, "seen": 4, "picture": 2}


def _numbers(value: Any, count: int) -> list[float]:
    if not isinstance(value, (list, tuple)) or len(value) != count:
        return []
    if any(isinstance(v, bool) or not isinstance(v, (int, float)) for v in value):
        return []
    return [float(v) for v in value] if all(math.isfinite(v) for v in value) else []
