"""Signals carried from a tensor back to the explained input."""

from __future__ import annotations

import numpy as np

from onnxplain.adapters.base import Adapter, Array, Signal
from onnxplain.relevance.kinds import Rectification


def back_project(
    engine: Adapter,
    x: Array,
    image: str,
    tensor: str,
    seeds: Array,
    rectify: Rectification | None = None,
    *,
    resample: bool = False,
) -> Array:
    """Multiply signals with the transposed Jacobian.

    Parameters
    ----------
    engine : Adapter
        One that has gradients.
    x : (N, ...) array
        Inputs.
    image : str
        Name of the explained input.
    tensor : str
        Where the signals start.
    seeds : (N, S, ...) array
        S signals for each input, each of the shape of that input's value of `tensor`.
    rectify, resample
        See `Adapter.pull_back`.

    Returns
    -------
    (N, S, ...) array
        In the shape of the input. There is one forward pass, whatever the number of signals.
    """
    signals = [Signal(tensor, seeds[:, k]) for k in range(seeds.shape[1])]
    found = engine.pull_back(x, signals, [image], rectify=rectify, resample=resample)
    return np.stack([gradients[image] for gradients in found.gradients], axis=1)
