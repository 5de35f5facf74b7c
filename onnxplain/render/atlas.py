"""Pictures of activation atlases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from onnxplain.render.canvas import Canvas
from onnxplain.render.patches import as_rgb
from onnxplain.render.tiles import Tile, tile_page

_WIDE = 11.0


def draw_atlas(
    cells: Mapping[tuple[int, int], NDArray[np.uint8]],
    counts: Mapping[tuple[int, int], int],
    side: int,
    heading: Sequence[str],
    notes: str,
) -> Canvas:
    """Draw one picture in each cell that is not empty.

    Parameters
    ----------
    cells : mapping of (row, column) to (h, w, C) uint8 array
        What stands in each cell.
    counts : mapping of (row, column) to int
        How many activation vectors fell into it.
    side : int
        Cells in a row.
    heading, notes
        See `tile_page`.
    """
    rows = sorted({row for row, _ in cells})
    tiles = [
        Tile(as_rgb(cells[row, column]), str(counts[row, column]))
        if (row, column) in cells
        else None
        for row in rows
        for column in range(side)
    ]
    return tile_page(heading, tiles, columns=side, side=_WIDE / side, notes=notes)
