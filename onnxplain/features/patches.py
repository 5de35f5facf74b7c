"""What a single unit saw: its receptive field in the picture, and what of it arrived.

Zeiler, Fergus 2014, arXiv:1311.2901, section 4.1 and figure 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.parity import require_parity
from onnxplain.features.projecting import projecting_engine
from onnxplain.graph.layers import SpatialLayer
from onnxplain.graph.receptive_field import Box, ReceptiveFields, receptive_fields
from onnxplain.inputs.picture import Picture
from onnxplain.model.model import Model
from onnxplain.network.projection import PROJECTIONS, project_signals

__all__ = [
    "PROJECTIONS",
    "cut",
    "fields_of",
    "in_colors",
    "project",
    "project_units",
    "require_same_engines",
    "unit_seeds",
]


def fields_of(model: Model, tensor: str) -> tuple[ReceptiveFields, bool]:
    """Receptive fields of a tensor's units, as patches show them.

    Returns
    -------
    ReceptiveFields
        What the units see. Where gates or normalisations let every unit see the whole
        picture, that of the local path, through which they get their shape.
    bool
        Whether only the local path was followed.
    """
    network = model.network
    about = (network.graph, network.shapes, network.axes, network.image, tensor)
    whole = receptive_fields(*about)
    if whole.size != tuple(network.image.size):
        return whole, False
    local = receptive_fields(*about, through_mixing=False)
    return (local, True) if local.size != whole.size else (whole, False)


def cut(pixels: NDArray[Any], box: Box, size: tuple[int, int], fill: float | None = None) -> Any:
    """Cut a box out of a picture, filled up to a common size.

    Fields at the border are smaller than others; they are filled up on the border's side.

    Parameters
    ----------
    pixels : (H, W, C) array
        The picture.
    box : Box
        What to cut out.
    size : (int, int)
        Height and width of the result; no side smaller than the box's.
    fill : float, optional
        Value around it; the mean colour of the cut if not given.
    """
    part = pixels[box.top : box.bottom, box.left : box.right]
    around = part.mean(axis=(0, 1)) if fill is None and part.size else fill or 0
    result = np.empty((*size, pixels.shape[2]), pixels.dtype)
    result[...] = np.asarray(around).astype(pixels.dtype)
    top = size[0] - part.shape[0] if box.top == 0 else 0
    left = size[1] - part.shape[1] if box.left == 0 else 0
    result[top : top + part.shape[0], left : left + part.shape[1]] = part
    return result


def project_units(
    model: Model,
    x: NDArray[Any],
    layer: SpatialLayer,
    channel: int,
    places: NDArray[np.int64],
    projection: str = "guided",
    *,
    resample: bool = True,
) -> NDArray[Any]:
    """Carry the response of one unit for each input back to the pixels, all others zero.

    Parameters
    ----------
    model : Model
        The opened model; gradients are taken in PyTorch.
    x : (N, ...) array
        Model inputs.
    layer : SpatialLayer
        Where the units are.
    channel : int
        Their channel.
    places : (N, 2) int array
        Row and column of each input's unit.
    projection : {"guided", "deconvnet", "gradient"}
        How signals pass activations; see `onnxplain.relevance.rectify`.
    resample : bool
        Leave no grid after strided convolutions; not for ``gradient``.

    Returns
    -------
    (N, H, W, C) array
        In the picture's colour order; signed, in units of the response.

    Raises
    ------
    UnknownNameError
        If there is no such projection.
    """
    seeds = unit_seeds(layer, len(x), model.network.shapes[layer.name], channel, places)
    return in_colors(model, project(model, x, layer.name, seeds, projection, resample)[:, 0])


def project(
    model: Model,
    x: NDArray[Any],
    tensor: str,
    seeds: NDArray[Any],
    projection: str = "guided",
    resample: bool = True,
) -> NDArray[Any]:
    """Carry signals at a tensor back to the input in PyTorch; see `project_signals`.

    Raises
    ------
    UnknownNameError
        If there is no such projection.
    """
    network = model.network
    return project_signals(
        network, projecting_engine(network), x, tensor, seeds, projection, resample=resample
    )


def require_same_engines(model: Model, picture: Picture, allow_mismatch: bool) -> None:
    """Refuse to explain by PyTorch what ONNX Runtime computes differently.

    Raises
    ------
    ParityError
        If they disagree on the picture and `allow_mismatch` is not set.
    """
    if not allow_mismatch:
        require_parity(model.measure_parity(picture))


def in_colors(model: Model, values: NDArray[Any]) -> NDArray[Any]:
    """Arrange values of the input's shape as (N, H, W, C) in the picture's colour order."""
    moved = np.moveaxis(values, 1, -1) if model.network.image.layout == "NCHW" else values
    return moved[..., ::-1] if model.preprocess.color == "BGR" else moved


def unit_seeds(
    layer: SpatialLayer,
    count: int,
    shape: tuple[int, ...],
    channel: int,
    places: NDArray[np.int64],
) -> NDArray[np.float32]:
    """One signal for each input: 1 at one unit of a tensor, 0 elsewhere, as (N, 1, ...)."""
    seeds = np.zeros((count, *shape[1:]), np.float32)
    positions = np.arange(seeds[0].size).reshape(1, *shape[1:])
    indices = layer.to_maps(positions)[0, channel]
    for k, (row, column) in enumerate(places):
        seeds[k].reshape(-1)[indices[row, column]] = 1.0
    return seeds[:, None]
