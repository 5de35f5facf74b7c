"""Signals of filters carried back to the picture.

Zeiler, Fergus 2014, arXiv:1311.2901, section 2.1; without the grid of strided convolutions:
Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, section 3.3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.back_project import back_project
from onnxplain.adapters.base import Adapter
from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.graph.quantised import scale_and_zero
from onnxplain.network.network import Network
from onnxplain.relevance.kinds import Rectification

PROJECTIONS = ("guided", "deconvnet", "gradient")


def project_signals(
    network: Network,
    engine: Adapter,
    x: NDArray[Any],
    tensor: str,
    seeds: NDArray[Any],
    projection: str = "guided",
    *,
    resample: bool = True,
) -> NDArray[Any]:
    """Carry signals at a tensor back to the input; see `Adapter.pull_back`.

    Parameters
    ----------
    network : Network
        The network.
    engine : Adapter
        One that passes signals.
    x : (N, ...) array
        Model inputs.
    tensor : str
        Where the signals start.
    seeds : (N, S, ...) array
        S signals for each input, in the numbers that the tensor's values stand for.
    projection : {"guided", "deconvnet", "gradient"}
        How signals pass activations.
    resample : bool
        Leave no grid after strided convolutions; not for ``gradient``.

    Returns
    -------
    (N, S, ...) array
        In the shape of the input.

    Raises
    ------
    UnknownNameError
        If there is no such projection.
    """
    if projection not in PROJECTIONS:
        known = f"projections: {', '.join(PROJECTIONS)}"
        raise UnknownNameError("projection", projection, PROJECTIONS, known)
    image = network.image.name
    if projection == "gradient":
        return back_project(engine, x, image, tensor, _worth(network, tensor, seeds))
    start = _in_front_of_activation(network, tensor)
    worth = _worth(network, start, seeds)
    how: Rectification = "guided" if projection == "guided" else "deconvnet"
    try:
        return back_project(engine, x, image, start, worth, how, resample=resample)
    except MethodRefusedError:  # nothing to filter up to here: all projections are one
        return back_project(engine, x, image, start, worth, "linear", resample=resample)


def _worth(network: Network, tensor: str, seeds: NDArray[Any]) -> NDArray[Any]:
    """Signals at a quantised tensor go back as integers, each worth one scale."""
    scale, _ = scale_and_zero(network.graph, tensor)
    return seeds * np.float32(scale)


def _in_front_of_activation(network: Network, tensor: str) -> str:
    """Start of a projection: a unit that is on is on, also where its activation saturates."""
    node = network.graph.producers.get(tensor)
    return node.inputs[0] if node is not None and node.op_type in ("Relu", "Clip") else tensor
