"""Random rows that do not depend on the pieces in which they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows drawn at a time: enough to cost nothing, and few enough to keep.
_ROWS = 64
# Generators that are made at a time: one between two passes of a network takes six times as long.
_AHEAD = 16


class Blocks:
    """As many random rows as wanted, drawn in blocks, each from a seed of its own.

    Row k is the same whatever the batch size and however many rows are drawn, and only one
    block is in memory.

    Parameters
    ----------
    seed : int
        Seed of all blocks.
    draw : callable
        ``draw(generator, count)`` returns `count` rows; `count` is always the same, and even.
    """

    def __init__(self, seed: int, draw: Callable[[np.random.Generator, int], NDArray[Any]]) -> None:
        self._seed, self._draw = seed, draw
        self._kept: tuple[int, NDArray[Any]] | None = None
        self._made: dict[int, np.random.Generator] = {}

    def rows(self, part: slice) -> NDArray[Any]:
        """Return rows ``part.start`` to ``part.stop``, as an array with those on axis 0."""
        pieces = []
        for index in range(part.start // _ROWS, -(-part.stop // _ROWS)):
            first = index * _ROWS
            block = self._block(index)
            pieces.append(block[max(part.start - first, 0) : part.stop - first])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _block(self, index: int) -> NDArray[Any]:
        if self._kept is None or self._kept[0] != index:
            self._kept = (index, self._draw(self._generator(index), _ROWS))
        return self._kept[1]

    def _generator(self, index: int) -> np.random.Generator:
        if index not in self._made:
            indices = range(index, index + _AHEAD)
            self._made = {k: np.random.default_rng([self._seed, k]) for k in indices}
        return self._made.pop(index)
