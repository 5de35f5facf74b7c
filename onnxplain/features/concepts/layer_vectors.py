"""What a layer answers to pictures, one vector for each, and the slope of a score there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NoSlopeError, UnsupportedModelError, UsageError
from onnxplain.features.activations import activations
from onnxplain.features.passes import Progress, Skipped, batches, require_finite, silent
from onnxplain.features.projecting import projecting_engine
from onnxplain.graph.quantised import scale_and_zero
from onnxplain.inputs.dataset import Sample
from onnxplain.methods.channels import channel_axis
from onnxplain.model.model import Model
from onnxplain.targets.target import Target

PLACES = ("all", "mean")
# Of all vectors together.
_MOST_BYTES = 1 << 31


@dataclass(frozen=True)
class LayerVectors:
    """Vectors of the pictures that can be read.

    Attributes
    ----------
    vectors : (n, D) float32 array
        One for each picture.
    kept : (n,) int array
        Positions of these pictures among the samples.
    skipped : list of Skipped
        Pictures that could not be read.
    """

    vectors: NDArray[np.float32]
    kept: NDArray[np.int64]
    skipped: list[Skipped]


def layer_vectors(
    model: Model,
    samples: Sequence[Sample],
    tensor: str,
    places: str = "all",
    *,
    progress: Progress = silent,
) -> LayerVectors:
    """Read a tensor for every picture, in ONNX Runtime.

    Parameters
    ----------
    model : Model
        The opened model.
    samples : sequence of Sample
        The pictures.
    tensor : str
        Tensor name.
    places : {"all", "mean"}
        ``all`` takes the whole tensor as one vector; ``mean`` its channels, averaged over places.
    progress : callable
        Told how many of how many pictures are done.

    Raises
    ------
    UsageError
        If `places` is unknown.
    UnsupportedModelError
        If the vectors take more memory than is reasonable.
    ImageError
        If no picture can be read.
    NumericalError
        If a value is NaN or infinite.
    """
    if places not in PLACES:
        raise UsageError(f"places {places!r} is not known; allowed: {', '.join(PLACES)}")
    shape = model.network.shapes[tensor][1:]
    size = math.prod(shape) if places == "all" else shape[channel_axis(model.network, tensor) - 1]
    if len(samples) * size * 4 > _MOST_BYTES:
        raise UnsupportedModelError(
            f"{len(samples):,} vectors of {size:,} numbers are too large to be held; choose a "
            "later layer, fewer pictures, or the mean over places"
        )
    skipped: list[Skipped] = []
    found: list[NDArray[np.float32]] = []
    kept: list[NDArray[np.int64]] = []
    for indices, x, done in batches(model, samples, skipped):
        values = activations(model, x, [tensor])[tensor]
        require_finite(values, tensor)
        found.append(pooled(model, tensor, values, places).astype(np.float32))
        kept.append(indices)
        progress(done, len(samples))
    return LayerVectors(np.concatenate(found), np.concatenate(kept), skipped)


def layer_slopes(
    model: Model, x: NDArray[Any], target: Target, tensor: str, places: str = "all"
) -> NDArray[np.float64]:
    """Derivative of a score along each coordinate of those vectors, (N, D).

    Parameters
    ----------
    model : Model
        The opened model; gradients are taken in PyTorch.
    x : (N, ...) array
        Model inputs.
    target : Target
        The score.
    tensor, places
        See `layer_vectors`. A coordinate that is a mean moves all places alike.
    """
    scale, _ = scale_and_zero(model.network.graph, tensor)
    parts = [x[k : k + 1] for k in range(len(x))] if target.one_by_one else [x]
    found = []
    for part in parts:
        slopes = (
            projecting_engine(model.network)
            .pull_back(part, [target], [tensor])
            .gradients[0][tensor]
        )
        summed = pooled(model, tensor, np.asarray(slopes, np.float64) / scale, places, mean=False)
        found.append(summed)
    return np.concatenate(found)


def require_slope(slopes: NDArray[np.float64], tensor: str) -> None:
    """Refuse slopes that are zero for every picture.

    Raises
    ------
    NoSlopeError
        If they are.
    """
    if not slopes.any():
        raise NoSlopeError(
            f"the score's gradient is zero at layer {tensor!r} for every picture: the score does "
            "not depend on it; name an earlier layer with --layer"
        )


def pooled(
    model: Model, tensor: str, values: NDArray[Any], places: str, *, mean: bool = True
) -> NDArray[Any]:
    """Values of a tensor as (N, D): all of them, or each channel's mean (or sum) over places."""
    if places == "all":
        return values.reshape(len(values), -1)
    moved = np.moveaxis(values, channel_axis(model.network, tensor), 1)
    flat = moved.reshape(*moved.shape[:2], -1)
    return flat.mean(axis=2) if mean else flat.sum(axis=2)
