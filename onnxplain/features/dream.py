"""Inceptionism: let a picture show more of what a layer already sees in it.

Mordvintsev, Olah, Tyka 2015, "Inceptionism: going deeper into neural networks" (Google
Research blog, 17 June 2015), with its octaves and random shifts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.explanations.display import upsample
from onnxplain.features.activations import activations, back_project
from onnxplain.features.maps import check_channels
from onnxplain.features.passes import Progress, silent
from onnxplain.features.patches import require_same_engines
from onnxplain.features.responses import FeatureLayer
from onnxplain.graph.layers import spatial_layer
from onnxplain.inputs.picture import Picture, read_picture
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.network.filters import channel_signal

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike


@dataclass(frozen=True)
class Dream:
    """How a picture is changed.

    Attributes
    ----------
    octaves : int
        Sizes at which it is changed, the model's own first.
    scale : float
        Ratio of one size to the one before.
    steps : int
        Steps at each size.
    rate : float
        Mean change of a pixel in one step, as a share of the range of inputs.
    jitter : int
        Largest random shift before each step, in pixels; undone after it.
    """

    octaves: int = 4
    scale: float = 1.4
    steps: int = 10
    rate: float = 0.01
    jitter: int = 32

    def __post_init__(self) -> None:
        whole = min(self.octaves, self.steps) >= 1 and self.jitter >= 0
        if not (whole and 1 <= self.scale < math.inf and 0 < self.rate < math.inf):
            raise UsageError(
                "octaves and steps must be 1 or more, scale 1 or more, rate above 0 and jitter "
                "not negative"
            )


def dream(
    model: Model,
    image: ImageLike,
    layer: str | None = None,
    *,
    channel: int | None = None,
    how: Dream | None = None,
    seed: int = 0,
    allow_mismatch: bool = False,
    progress: Progress = silent,
) -> tuple[NDArray[np.uint8], list[float]]:
    """Raise the mean squared activation of a layer, or of one channel, in a picture.

    Whatever the size, the network sees tiles of its own input size, so that files of fixed
    size dream as well; random shifts hide the seams.

    Parameters
    ----------
    model : Model
        The opened model; gradients are taken in PyTorch.
    image : path, PIL.Image.Image or uint8 array
        The picture.
    layer : str, optional
        Any tensor; the layer of class activation maps if not given.
    channel : int, optional
        One of its channels; all if not given.
    how : Dream, optional
        Sizes and steps.
    seed : int
        Of the random shifts.
    allow_mismatch : bool
        Go on although PyTorch and ONNX Runtime disagree on the picture.
    progress : callable
        Told how many of how many steps are done.

    Returns
    -------
    (H, W, C) uint8 array
        The changed picture, at the last size.
    list of float
        The objective in each step, mean over tiles.

    Raises
    ------
    UnknownNameError, UsageError
        If there is no such layer or channel.
    ParityError
        If the engines disagree.
    """
    how = how or Dream()
    network = model.network
    name = tensor_of(network, layer)
    place = spatial_layer(network.graph, network.shapes, network.axes, name)
    shape = network.shapes[name]
    if name == network.image.name:
        raise MethodRefusedError("the picture itself is no layer to dream of")
    channels = place.channels if place is not None else shape[1] if len(shape) > 1 else 1
    where = FeatureLayer(name, channels, 0, place)
    if channel is not None:
        check_channels([channel], channels, name)
    require_same_engines(model, model.read(image), allow_mismatch)
    axes = (2, 3) if network.image.layout == "NCHW" else (1, 2)
    low, high = (b.astype(np.float64) for b in model.preprocess.bounds())
    rng = np.random.default_rng(seed)
    history: list[float] = []
    detail: NDArray[Any] | None = None
    x = base = np.zeros(0)
    for octave in range(how.octaves):
        base = _at_size(model, image, how.scale**octave).x.astype(np.float64)
        x = base if detail is None else base + _resized(detail, base.shape, axes)
        for _ in range(how.steps):
            shift = tuple(int(s) for s in rng.integers(-how.jitter, how.jitter + 1, 2))
            value, slope = _slope(model, np.roll(x, shift, axes), where, channel, axes)
            slope = np.roll(slope, (-shift[0], -shift[1]), axes)
            size = np.abs(slope).mean()
            if size > 0:
                x = x + how.rate * float((high - low).max()) * slope / size
            x = np.clip(x, low, high)
            history.append(value)
            progress(len(history), how.octaves * how.steps)
        detail = x - base
    return model.preprocess.decode(x)[0], history


def mean_square(
    model: Model, x: NDArray[Any], layer: FeatureLayer, channel: int | None
) -> tuple[float, NDArray[Any]]:
    """Mean squared activation of a layer or channel for one input, and its gradient."""
    values = activations(model, x, [layer.name])[layer.name]
    signal = (
        values.astype(np.float32)[:, None]
        if channel is None
        else channel_signal(values, layer, channel)
    )
    count = signal.size if channel is None else layer.maps(values)[:, channel].size
    slope = back_project(model, x, layer.name, 2.0 * signal / count)[:, 0]
    return float((signal.astype(np.float64) ** 2).sum() / count), slope


def _slope(
    model: Model,
    x: NDArray[Any],
    layer: FeatureLayer,
    channel: int | None,
    axes: tuple[int, int],
) -> tuple[float, NDArray[Any]]:
    """Gradient tile by tile; where tiles overlap, their mean."""
    tile = model.network.image.size
    total, covered = np.zeros_like(x), np.zeros_like(x)
    values = []
    for top in _starts(x.shape[axes[0]], tile[0]):
        for left in _starts(x.shape[axes[1]], tile[1]):
            window = [slice(None)] * 4
            window[axes[0]] = slice(top, top + tile[0])
            window[axes[1]] = slice(left, left + tile[1])
            part = tuple(window)
            value, slope = mean_square(model, x[part].astype(np.float32), layer, channel)
            total[part] += slope
            covered[part] += 1
            values.append(value)
    return float(np.mean(values)), total / covered


def _starts(length: int, tile: int) -> list[int]:
    """Where tiles begin: side by side, the last one at the end."""
    return [*range(0, length - tile, tile), length - tile]


def _at_size(model: Model, image: ImageLike, factor: float) -> Picture:
    height, width = (round(n * factor) for n in model.network.image.size)
    return read_picture(image, replace(model.preprocess, size=(height, width)), model.network.image)


def _resized(x: NDArray[Any], shape: tuple[int, ...], axes: tuple[int, int]) -> NDArray[np.float64]:
    planes = np.moveaxis(x, axes, (2, 3)).reshape(-1, x.shape[axes[0]], x.shape[axes[1]])
    size = (shape[axes[0]], shape[axes[1]])
    large = np.stack([upsample(p, size) for p in planes])
    channels = large.reshape(1, -1, *size)
    return np.moveaxis(channels, (2, 3), axes)
