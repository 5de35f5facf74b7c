"""Whole inputs with changed windows, in memory that is used again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from onnxplain.adapters.changes import Array, Block, WindowChanges, write_windows


class ReusedInputs:
    """Copies of one input, in which windows are written and taken back.

    To copy the whole input for every window, into memory that is touched for the first time,
    takes a small network several hundredths of its time.

    Parameters
    ----------
    base : (C, H, W) or (H, W, C) array
        The unchanged input.
    changes : WindowChanges
        The windows.
    spatial : (int, int)
        Axes of height and width in `base`.
    """

    def __init__(self, base: Array, changes: WindowChanges, spatial: tuple[int, int]) -> None:
        self._base, self._changes, self._spatial = base, changes, spatial
        # Copies of the base that nobody uses: calls that run side by side have some each.
        self._idle: list[Array] = []

    def run(self, function: Callable[[Array], dict[str, Array]], indices: Sequence[int]) -> Block:
        """Return the indices of some windows, and what a function of whole inputs gives for them.

        Parameters
        ----------
        function : callable
            Must not change its inputs. It may return them, or a part of them.
        indices : sequence of int
            Which windows.
        """
        copies = self._copies(len(indices))
        inputs = copies[: len(indices)]
        places = write_windows(inputs, self._changes, indices, self._spatial)
        found = function(inputs)
        if not any(np.may_share_memory(v, copies) for v in found.values()):
            for changed, place in zip(inputs, places, strict=True):
                changed[place] = self._base[place]
            self._idle.append(copies)
        return np.array(indices), found

    def _copies(self, count: int) -> Array:
        try:
            copies = self._idle.pop()
        except IndexError:
            copies = self._base[None][:0]
        if len(copies) < count:
            copies = np.repeat(self._base[None], count, axis=0)
        return copies
