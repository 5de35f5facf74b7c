"""Score-CAM: feature maps weighted by the score of what they let through of the picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.explanations.attribution import Attribution
from onnxplain.explanations.display import upsample
from onnxplain.methods.layer_values import NEEDS, layer_values
from onnxplain.methods.one_by_one import channel_limits, strongest_first, taken_together
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.network.map_spread import map_spread
from onnxplain.perturb.anytime import Sampling
from onnxplain.perturb.fills import fill
from onnxplain.perturb.masks import enlarged, under_masks
from onnxplain.targets.shares import softmax
from onnxplain.targets.target import Target

# A map that is the same everywhere becomes a mask of zeros, as in pytorch-grad-cam.
_STABILIZER = 1e-8


@method(
    name="score-cam",
    family="cam",
    needs=NEEDS,
    explains="logit",
    display="positive",
    summary="Feature maps weighted by the score of the picture seen through them.",
    reference="Wang, Wang, Du, Yang, Zhang, Ding, Mardziel, Hu 2020, arXiv:1910.01279, algorithm 1",
    meaning="units of the activations (weights add up to one); positive values support the target",
    class_discriminative=True,
    promises="",
    failures="slow: one forward pass per feature map; weights are never negative, so the map "
    "shows no evidence against the target; a few feature maps often get nearly all the "
    "weight",
)
def score_cam(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    layer: str | None = None,
    channels: int | None = None,
    fill_with: str = "black",
    max_seconds: float | None = None,
) -> Attribution:
    """Sum over k of w_k A_k, w = softmax of S(x under A_k), A_k enlarged and scaled to [0, 1].

    The paper subtracts the score of an empty picture in front of the softmax, which does
    not change it.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.
    channels : int, optional
        Number of feature maps to use, those of the largest norm; all if not given.
    fill_with : str
        Fill where a mask is 0: black, white, mean, blur, noise, an image file, or a number in the
        model's units. The authors' code uses 0 in these units.
    max_seconds : float, optional
        Time limit in seconds; the channels done by then make the map.

    Returns
    -------
    Attribution
        (N, h, w), in units of the activations. Measure ``channels``: maps that were scored.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places.
    UsageError
        If the number of channels is not possible.
    """
    values = layer_values(context, x, layer)
    spatial = values.spatial
    size, spread = context.network.image.size, map_spread(context.network, spatial.name)
    limits = channel_limits("score-cam", spatial, channels, max_seconds)
    absent = fill(context, x, fill_with)
    results, samplings = [], []
    for n in range(len(x)):
        maps = values.maps(n)[0]
        strongest = strongest_first(maps)
        scores, sampling = np.empty(limits.samples), Sampling(context, limits)
        for part in sampling.batches(lambda: np.inf):
            taken = maps[strongest[part]]
            if spread is None:
                masks = _scaled(enlarged(taken, size))
            else:
                large = np.stack([upsample(one, size, spread) for one in taken])
                masks = _scaled(large.astype(np.float32))
            scores[part] = context.score(under_masks(context, x[n], absent[n], masks), target)
        done = sampling.done
        weights = softmax(scores[:done])
        results.append(np.einsum("khw,k->hw", maps[strongest[:done]], weights))
        samplings.append(sampling)
    return taken_together(results, spatial, samplings)


def _scaled(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring each map to [0, 1], in place."""
    maps -= maps.min(axis=(1, 2), keepdims=True)
    maps /= maps.max(axis=(1, 2), keepdims=True) + np.float32(_STABILIZER)
    return maps
