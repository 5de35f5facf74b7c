"""What is read from a network while its input is changed: a score, or a hidden unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.adapters.changes import WindowChanges
from onnxplain.errors import UsageError
from onnxplain.graph.layers import spatial_layer
from onnxplain.graph.quantised import real_values
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.network.context import Context
from onnxplain.network.placed_layer import placed
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

Array = NDArray[np.float64]


@dataclass(frozen=True)
class WindowNumbers:
    """One number for each changed input.

    Attributes
    ----------
    engine : mapping
        How they are computed, for the record.
    blocks : iterator of (indices, (n,) array)
        Every window comes once, not always in order.
    """

    engine: Mapping[str, Any]
    blocks: Iterator[tuple[NDArray[np.int64], Array]]


@dataclass(frozen=True)
class Readout:
    """One number for each input.

    Attributes
    ----------
    is_probability : bool
        Whether it is the probability of a class, or of its negative.
    classes : int
        Number of classes; 0 for a hidden unit.
    values : callable
        ``values(x)``: the numbers of (N, ...) inputs.
    windowed : callable
        ``windowed(context, base, changes)``: the numbers of changed inputs.
    """

    is_probability: bool
    classes: int
    values: Callable[[NDArray[Any]], Array]
    windowed: Callable[[Context, NDArray[Any], WindowChanges], WindowNumbers]


def readout(
    context: Context, target: Target, hidden: str | None, unit: int, place: tuple[int, int] | None
) -> Readout:
    """Read the target, or a unit of a tensor.

    Raises
    ------
    UnknownNameError
        If there is no such tensor.
    UsageError
        If it has no such unit or place.

    MethodRefusedError
        When it is read: if it holds integers of unknown scale.
    """
    if hidden is None:
        return _of_target(context, target)
    network = context.network
    tensor = tensor_of(network, hidden)
    layer = spatial_layer(network.graph, network.shapes, network.axes, tensor)
    shape = network.shapes[tensor]
    units = layer.channels if layer else int(np.prod(shape[1:]))
    if not 0 <= unit < units:
        raise UsageError(f"unit {unit} is out of range: {tensor!r} has 0..{units - 1}")
    if place is not None and (layer is None or not _within(place, layer.grid)):
        has = f"{layer.grid[0]} x {layer.grid[1]} places" if layer else "no height and width"
        raise UsageError(f"place {place} is outside the tensor: {tensor!r} has {has}")
    if place is not None and layer is not None:
        layer = placed(network, layer)

    def pick(values: NDArray[Any]) -> Array:
        numbers = real_values(network.graph, tensor, values)
        if layer is None:
            return numbers.reshape(len(values), -1)[:, unit]
        maps = layer.to_maps(numbers)[:, unit]
        return maps[:, place[0], place[1]] if place else maps.mean(axis=(1, 2))

    def values(x: NDArray[Any]) -> Array:
        engine = context.engine(Capability.FORWARD | Capability.ACTIVATIONS)
        return pick(engine.activations(x, [tensor])[tensor])

    def windowed(on: Context, base: NDArray[Any], changes: WindowChanges) -> WindowNumbers:
        run = on.windowed(base, changes, [tensor])
        return WindowNumbers(run.engine, ((k, pick(found[tensor])) for k, found in run.blocks))

    return Readout(False, 0, values, windowed)


def _of_target(context: Context, target: Target) -> Readout:
    def windowed(on: Context, base: NDArray[Any], changes: WindowChanges) -> WindowNumbers:
        run = on.windowed_scores(base, changes, target)
        return WindowNumbers(run.engine, run.blocks)

    return Readout(
        target.is_probability,
        target.classes if isinstance(target, ClassScore) else 0,
        lambda x: context.score(x, target),
        windowed,
    )


def _within(place: tuple[int, int], grid: tuple[int, int]) -> bool:
    return all(0 <= p < g for p, g in zip(place, grid, strict=True))
