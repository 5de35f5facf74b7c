"""Where in the picture the evidence sits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Rows and columns of the small map that is kept of every picture.
SIDE = 28
_BORDER, _CORNER = 1 / 8, 1 / 4
CORNERS = ("top left", "top right", "bottom left", "bottom right")


def zones(size: tuple[int, int]) -> dict[str, NDArray[np.bool_]]:
    """Masks of the centre, the border and the four corners.

    Parameters
    ----------
    size : (int, int)
        Height and width in pixels.

    Returns
    -------
    dict of str to (H, W) bool array
        ``centre``: the middle half of each side; ``border``: an eighth of the sides all
        around; ``top left`` and so on: a quarter of each side.
    """
    height, width = size
    rows = ((np.arange(height) + 0.5) / height)[:, None]
    columns = ((np.arange(width) + 0.5) / width)[None]
    middle = (np.abs(rows - 0.5) < 0.25) & (np.abs(columns - 0.5) < 0.25)
    inner = (np.abs(rows - 0.5) < 0.5 - _BORDER) & (np.abs(columns - 0.5) < 0.5 - _BORDER)
    top, left = rows < _CORNER, columns < _CORNER
    bottom, right = rows > 1 - _CORNER, columns > 1 - _CORNER
    corners = (top & left, top & right, bottom & left, bottom & right)
    return {"centre": middle, "border": ~inner, **dict(zip(CORNERS, corners, strict=True))}


def evidence_shares(
    heatmap: NDArray[Any], mask: NDArray[np.bool_] | None = None
) -> Mapping[str, float]:
    """Share of the positive evidence in each zone, and in the mask if there is one.

    Parameters
    ----------
    heatmap : (H, W) array
        The map.
    mask : (H, W) bool array, optional
        Where the object is.

    Returns
    -------
    mapping of str to float
        In [0, 1]; all 0 for a map without positive evidence.
    """
    evidence = np.maximum(np.asarray(heatmap, np.float64), 0.0)
    total = evidence.sum() or 1.0
    areas = zones((evidence.shape[0], evidence.shape[1]))
    if mask is not None:
        areas["mask"] = mask
    return {name: float(evidence[area].sum() / total) for name, area in areas.items()}


def small(heatmap: NDArray[Any]) -> NDArray[np.float32]:
    """Average a map over the cells of a `SIDE` x `SIDE` grid.

    Cell borders fall between pixels: each pixel counts with the part of it that lies in
    the cell, so that the mean of the map is kept whatever its size.
    """
    rows, columns = (_overlap(n) for n in heatmap.shape)
    return (rows @ np.asarray(heatmap, np.float64) @ columns.T).astype(np.float32)


def _overlap(length: int) -> NDArray[np.float64]:
    """(SIDE, length) weights: the part of each pixel in each cell, each row adding up to 1."""
    cell = np.arange(SIDE)[:, None] * (length / SIDE)
    pixel = np.arange(length)[None]
    shared = np.minimum(cell + length / SIDE, pixel + 1) - np.maximum(cell, pixel)
    return np.maximum(shared, 0.0) * (SIDE / length)
