"""A picture that makes the units of a layer answer in a given way.

The objective of activation atlases: the product of the wanted and the found activation
vector, times their cosine (Carter et al. 2019, doi:10.23915/distill.00015, "feature
visualization"), at the unit in the middle of the map.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.features.activations import activations, back_project
from onnxplain.features.ascent import Ascent, ascend
from onnxplain.features.passes import Progress, silent
from onnxplain.features.patches import cut, fields_of
from onnxplain.graph.layers import SpatialLayer
from onnxplain.inputs.picture import sample_picture
from onnxplain.model.model import Model

DEFAULT = Ascent(steps=60, rate=0.03, variation=1e-3, jitter=4, blur=0.5, bounded=True)


def invert(
    model: Model,
    layer: SpatialLayer,
    wanted: NDArray[Any],
    how: Ascent = DEFAULT,
    *,
    seed: int = 0,
    progress: Progress = silent,
) -> tuple[NDArray[np.uint8], list[float]]:
    """Make a picture whose middle unit answers like a given activation vector.

    Parameters
    ----------
    model : Model
        The opened model; gradients are taken in PyTorch.
    layer : SpatialLayer
        Where.
    wanted : (C,) array
        Activation vector.
    how : Ascent
        Settings.
    seed : int
        Of the first picture (a few smooth waves) and of the shifts.
    progress : callable
        Told how many of how many steps are done.

    Returns
    -------
    (h, w, C) uint8 array
        The part of the picture that the unit sees.
    list of float
        Objective less penalties before each step.
    """
    network = model.network
    goal = np.asarray(wanted, np.float64)
    goal = goal / max(float(np.linalg.norm(goal)), 1e-12)
    unit = (layer.grid[0] // 2, layer.grid[1] // 2)
    shape = network.shapes[layer.name]
    positions = layer.to_maps(np.arange(np.prod(shape)).reshape(shape))[0, :, unit[0], unit[1]]

    def objective(x: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        x = x.astype(np.float32)
        values = activations(model, x, [layer.name])[layer.name]
        value, slope = cosine_product(values.reshape(-1)[positions].astype(np.float64), goal)
        seed_signal = np.zeros(values.size, np.float32)
        seed_signal[positions] = slope
        signals = seed_signal.reshape(1, *values.shape)
        return value, back_project(model, x, layer.name, signals)[:, 0]

    low, high = (b.astype(np.float64) for b in model.preprocess.bounds())
    start = sample_picture(model.preprocess, seed).x.astype(np.float64)
    faint = (low + high) / 2 + 0.1 * (start - (low + high) / 2)
    x, history = ascend(model, faint, objective, how, seed=seed, progress=progress)
    fields, _ = fields_of(model, layer.name)
    return cut(model.preprocess.decode(x)[0], fields.box(*unit), fields.size), history


def cosine_product(
    found: NDArray[np.float64], goal: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    """``(v a) cos(v, a)`` for a goal v of length one, and its gradient with respect to a."""
    length = max(float(np.linalg.norm(found)), 1e-12)
    product = float(found @ goal)
    value = product * abs(product) / length  # below zero where the angle is obtuse
    slope = 2 * abs(product) * goal / length - product * abs(product) * found / length**3
    return value, slope
