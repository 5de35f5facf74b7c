"""On which part of the picture the map of a layer lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnxplain.explanations.spread import Spread
from onnxplain.graph.reach import Reach
from onnxplain.graph.receptive_field import receptive_fields

if TYPE_CHECKING:
    from onnxplain.network.network import Network

# Kernels with a stride and padding stand up to half a cell beside the middle of their cell, by
# custom nobody draws that. What differs by more is cut off, padded, or lost to valid kernels.
_HALF = 0.5
_SLACK = 1e-3


def map_spread(network: Network, layer: str | None) -> Spread | None:
    """Where the map of a layer lies, where it is not spread over the whole picture.

    Parameters
    ----------
    network : Network
        The network.
    layer : str, optional
        Tensor at which the map was read.

    Returns
    -------
    Spread or None
        ``None`` if its cells stand evenly on the picture, or if that is not known.
    """
    found = network.axes.grid_of.get(layer or "")
    if layer is None or found is None or layer in network.axes.guessed:
        return None
    size, moved = network.image.size, False
    edges: list[tuple[float, float]] = []
    for axis, (places, pixels) in enumerate(zip((found.rows, found.columns), size, strict=True)):
        at, count = places.astype(np.float64), len(places)
        if count < 2 or not np.isfinite(at).all():
            edges.append((0.0, float(pixels)))
            continue
        step = (at[-1] - at[0]) / (count - 1)
        first, last = float(at[0] + 0.5 - step / 2), float(at[-1] + 0.5 + step / 2)
        beside = max(abs(first), abs(last - pixels)) - _SLACK
        if beside > _HALF * step and abs(last - first - pixels) < _SLACK:
            step = _coarsest(network, layer, axis)
        moved |= beside > _HALF * step
        edges.append((first, last))
    if not moved:
        return None
    fields = receptive_fields(
        network.graph, network.shapes, network.axes, network.image, layer, through_mixing=False
    )
    (top, bottom), (left, right) = edges
    upper, lower = _seen(fields.rows, edges[0])
    first, last = _seen(fields.columns, edges[1])
    return Spread((top, left, bottom, right), (upper, first, lower, last), size)


def _coarsest(network: Network, layer: str, axis: int) -> float:
    """Largest distance of cells among the layers that a layer is computed from.

    Where a coarse layer was enlarged and joined, its half cells are in the finer one.
    """
    grids = network.axes.grid_of
    steps = []
    for name in {layer, *network.graph.ancestors(layer)} & set(grids):
        places = (grids[name].rows, grids[name].columns)[axis]
        if len(places) > 1 and np.isfinite(places[[0, -1]]).all():
            steps.append((float(places[-1]) - float(places[0])) / (len(places) - 1))
    return max(steps)


def _seen(along: Reach, otherwise: tuple[float, float]) -> tuple[float, float]:
    """Edges of what some cell sees."""
    some = along.last >= along.first
    if not some.any():
        return otherwise
    return float(along.first[some].min()), float(along.last[some].max() + 1)
