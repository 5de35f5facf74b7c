"""Activations as the numbers that they stand for, in quantised files too, and signals back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.back_project import back_project as back_through
from onnxplain.features.projecting import projecting_engine
from onnxplain.graph.quantised import real_values, require_known_scale, scale_and_zero
from onnxplain.graph.view import Graph
from onnxplain.model.model import Model
from onnxplain.relevance.kinds import Rectification


def activations(model: Model, x: NDArray[Any], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Compute tensors in ONNX Runtime.

    Parameters
    ----------
    model : Model
        The opened model.
    x : (N, ...) array
        Model inputs.
    names : sequence of str
        Which tensors; one that holds a sequence is left out.

    Returns
    -------
    dict of str to array
        Bit for bit as computed; integers of a quantised tensor as float32,
        ``(q - zero point) * scale``.

    Raises
    ------
    MethodRefusedError
        If it is not known what integers stand for.
    """
    found = model.network.ort.activations(x, names)
    return {name: _numbers(model.network.graph, name, values) for name, values in found.items()}


def back_project(
    model: Model,
    x: NDArray[Any],
    tensor: str,
    seeds: NDArray[Any],
    *,
    rectify: Rectification | None = None,
    resample: bool = False,
) -> NDArray[Any]:
    """Carry signals in units of those numbers back to the input; see `back_through`."""
    scale, _ = scale_and_zero(model.network.graph, tensor)
    worth = seeds * np.float32(scale)
    network = model.network
    return back_through(
        projecting_engine(network), x, network.image.name, tensor, worth, rectify, resample=resample
    )


def _numbers(graph: Graph, name: str, values: NDArray[Any]) -> NDArray[Any]:
    require_known_scale(graph, name, values.dtype)
    if scale_and_zero(graph, name) == (1.0, 0.0):
        return values
    return real_values(graph, name, values).astype(np.float32)
