"""Ablation-CAM: feature maps weighted by how much the score falls without them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.layer_values import NEEDS, layer_values
from onnxplain.methods.one_by_one import channel_limits, strongest_first, taken_together
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.perturb.anytime import Sampling
from onnxplain.targets.target import Target


@method(
    name="ablation-cam",
    family="cam",
    needs=NEEDS | Capability.RERUN,
    explains="logit",
    display="positive",
    summary="Feature maps weighted by the share of the score that is lost when each is removed.",
    reference="Desai, Ramaswamy 2020, doi:10.1109/WACV45572.2020.9093360",
    meaning="units of the activations, weighted by shares of the score; positive values support "
    "the target",
    class_discriminative=True,
    promises="before global average pooling and one linear layer, the weights are those of CAM "
    "times each map's mean, divided by the score",
    failures="coarse: has the layer's resolution; redundant maps get no weight, because maps are "
    "removed one at a time",
)
def ablation_cam(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    layer: str | None = None,
    channels: int | None = None,
    max_seconds: float | None = None,
) -> Attribution:
    """Sum over k of w_k A_k with w_k = (S - S(A_k = 0)) / abs(S).

    The paper divides by S, which turns the sign of the map where S is negative. Nothing is
    divided where S is zero.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.
    channels : int, optional
        Number of feature maps to use, those of the largest norm; all if not given.
    max_seconds : float, optional
        Time limit in seconds; the channels done by then make the map.

    Returns
    -------
    Attribution
        (N, h, w), signed, in units of the activations. Measure ``channels``: maps that were
        taken away.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places, or the score does not depend on it.
    UsageError
        If the number of channels is not possible.
    """
    values = layer_values(context, x, layer)
    spatial = values.spatial
    limits = channel_limits("ablation-cam", spatial, channels, max_seconds)
    results, samplings = [], []
    for n in range(len(x)):
        single, own = x[n : n + 1], values.own[n : n + 1]
        maps = values.maps(n)
        strongest = strongest_first(maps[0])
        falls, sampling = np.zeros(spatial.channels), Sampling(context, limits)
        score = context.scores_from(single, spatial.name, own, target)[0]
        for part in sampling.batches(lambda: np.inf):
            chosen = strongest[part]
            without = np.repeat(maps, len(chosen), axis=0)
            without[np.arange(len(chosen)), chosen] = 0
            changed = values.with_maps(n, without)
            falls[chosen] = score - context.scores_from(single, spatial.name, changed, target)
        weights = falls / (abs(score) or 1.0)
        results.append(np.einsum("khw,k->hw", maps[0], weights))
        samplings.append(sampling)
    return taken_together(results, spatial, samplings)
