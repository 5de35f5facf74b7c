"""A layer that is drawn where it answers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.ort_deadline import in_time_together
from onnxplain.adapters.placement import Placement, measure_placement
from onnxplain.errors import MethodRefusedError, OnnxplainError
from onnxplain.graph.layers import SpatialLayer

if TYPE_CHECKING:
    from onnxplain.network.network import Network


def placed(network: Network, layer: SpatialLayer) -> SpatialLayer:
    """Return a layer with its places in the picture's order, as they were measured.

    Some forward passes, once for each layer of a network.

    Raises
    ------
    MethodRefusedError
        If its cells answer to other places than they are drawn at, in no order.
    """
    found = placement(network, layer)
    if found.verdict == "elsewhere":
        raise MethodRefusedError(
            f"layer {layer.name!r} does not respond where its grid says: {_shares(found)}; its "
            "map would be drawn in the wrong place; name another layer with --layer, or use "
            "occlusion or integrated-gradients"
        )
    if found.order is None:
        return layer
    own = np.arange(np.prod(layer.grid)) + layer.prefix if layer.order is None else layer.order
    return replace(layer, order=own[found.order])


def placement(network: Network, layer: SpatialLayer) -> Placement:
    """Whether a layer answers where its grid says; some forward passes find out, once."""
    if layer.name not in network.placements:
        network.placements[layer.name] = measured(network, layer)
    return network.placements[layer.name]


def measured(network: Network, layer: SpatialLayer) -> Placement:
    """Measure where a layer answers; undecided if the file does not run, or takes too long."""
    centres, example = _centres(network, layer), network.example()
    derived = layer.name in network.axes.grid_of and layer.name not in network.axes.guessed
    with in_time_together():
        try:
            # What inputs of a fixed batch have in common does not look like a place: whether they
            # meet is not asked for this.
            engine = network.ort.together()
            return measure_placement(
                engine, network.image, layer, centres, example, derived=derived
            )
        except OnnxplainError:
            return Placement("undecided")


def placement_warnings(network: Network, layer: str | None) -> tuple[str, ...]:
    """What has to be known about a map that was read at a layer, one line each."""
    found = network.placements.get(layer or "")
    if found is None:
        return ()
    if found.verdict == "permuted":
        return (
            f"the places of layer {layer!r} are not in the picture's order ({_shares(found)}); "
            "the map is drawn where they respond, as measured",
        )
    if found.verdict == "undecided" and layer in network.axes.guessed:
        return (
            f"the places of layer {layer!r} are guessed from axis lengths and could not be "
            "measured: the map may be drawn in the wrong place",
        )
    return ()


def _centres(
    network: Network, layer: SpatialLayer
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of pixels at which the places stand; evenly if nothing is known."""
    known = network.axes.grid_of.get(layer.name)
    if known is not None and known.grid == layer.grid:
        return known.rows.astype(np.float64), known.columns.astype(np.float64)
    rows, columns = (
        (np.arange(n) + 0.5) * s / n - 0.5
        for n, s in zip(layer.grid, network.image.size, strict=True)
    )
    return rows, columns


def _shares(found: Placement) -> str:
    return (
        f"a change at a place explains {_percent(found.own)} of what its own cell does, and "
        f"{_percent(found.best)} of what another one does"
    )


def _percent(share: float) -> str:
    return f"{max(share, 0.0):.0%}"
