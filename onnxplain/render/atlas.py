"""Pictures of activation atlases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import ImageColor
from scipy.optimize import linear_sum_assignment

from onnxplain.render.canvas import Canvas
from onnxplain.render.class_colors import LIMIT, class_colors
from onnxplain.render.color_difference import ciede2000, cielab
from onnxplain.render.patches import as_rgb
from onnxplain.render.tiles import Pixels, Tile, tile_page

_WIDE = 11.0
# Of a cell's side, with the colour of its class.
_FRAME = 0.08
_SWATCH = 24


def draw_atlas(
    cells: Mapping[tuple[int, int], NDArray[np.uint8]],
    counts: Mapping[tuple[int, int], int],
    side: int,
    heading: Sequence[str],
    notes: str,
    classes: Mapping[tuple[int, int], str] | None = None,
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
    classes : mapping of (row, column) to str, optional
        Class that most vectors of a cell come from: the colour of its frame, with a legend
        below, and its name under the cell. Classes with a colour's word in their names
        have colours near to it; of all others the class of most cells has the colour that is
        told apart best.

    Returns
    -------
    Canvas
    """
    rows = sorted({row for row, _ in cells})
    colors = _colors(classes or {})

    def tile(row: int, column: int) -> Tile | None:
        if (row, column) not in cells:
            return None
        pixels = as_rgb(cells[row, column])
        name = (classes or {}).get((row, column), "")
        color = colors.get(name)
        framed = pixels if color is None else _framed(pixels, color)
        return Tile(framed, f"{counts[row, column]} {name}".strip())

    tiles = [tile(row, column) for row in rows for column in range(side)]
    legend = [
        Tile(np.broadcast_to(color, (_SWATCH, _SWATCH, 3)), name) for name, color in colors.items()
    ]
    empty = -len(legend) % side
    return tile_page(
        heading, [*tiles, *legend, *[None] * empty], columns=side, side=_WIDE / side, notes=notes
    )


def _colors(classes: Mapping[tuple[int, int], str]) -> dict[str, NDArray[np.uint8]]:
    """Colours of the classes, that of most cells first; none beyond what can be told apart."""
    names = sorted(set(classes.values()), key=lambda n: (-list(classes.values()).count(n), n))
    colors = class_colors(min(len(names), LIMIT))
    wanted = {name: color for name in names[: len(colors)] if (color := _named(name)) is not None}
    chosen: dict[str, int] = {}
    if wanted:
        far = ciede2000(cielab(np.stack([*wanted.values()]))[:, None], cielab(colors)[None])
        chosen = dict(zip(wanted, linear_sum_assignment(far)[1].tolist(), strict=True))
    free = (k for k in range(len(colors)) if k not in chosen.values())
    chosen |= dict(zip((n for n in names if n not in wanted), list(free), strict=False))
    return {n: np.round(255 * colors[chosen[n]]).astype(np.uint8) for n in names if n in chosen}


def _named(name: str) -> NDArray[np.float64] | None:
    """Colour that a word of a class's name stands for in CSS, in [0, 1]."""
    for word in re.findall(r"[a-z]+", name.lower()):
        if word in ImageColor.colormap:
            return np.array(ImageColor.getrgb(word)[:3]) / 255
    return None


def _framed(pixels: Pixels, color: NDArray[np.uint8]) -> Pixels:
    width = max(1, round(_FRAME * max(pixels.shape[:2])))
    height, wide = pixels.shape[:2]
    framed = np.empty((height + 2 * width, wide + 2 * width, 3), np.uint8)
    framed[...] = color
    framed[width : width + height, width : width + wide] = pixels
    return framed
