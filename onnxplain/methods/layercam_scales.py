"""LayerCAM over several scales: fine detail of early layers, and where late ones see the target."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.explanations.display import upsample
from onnxplain.graph.layers import SpatialLayer
from onnxplain.methods.layer_gradient import NEEDS, layer_gradient, read_layer
from onnxplain.methods.registry import method
from onnxplain.network.chosen_layer import scales_before
from onnxplain.network.context import Context
from onnxplain.network.network import Network
from onnxplain.network.placed_layer import placed
from onnxplain.targets.target import Target


@method(
    name="layercam-scales",
    family="cam",
    needs=NEEDS,
    explains="logit",
    display="positive",
    summary="Sum of LayerCAM maps from the last layer at each of several resolutions.",
    reference="Jiang, Zhang, Hou, Cheng, Wei 2021, doi:10.1109/TIP.2021.3089943",
    meaning="score units up to a factor; positive values support the target; with fuse=max from 0 "
    "to 1, without a unit",
    class_discriminative=True,
    promises="",
    failures="ignores evidence against the target; a strong coarse scale hides fine ones; with "
    "fuse=max every scale counts the same, even if it contributes little to the score",
)
def layercam_scales(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    layer: str | None = None,
    scales: int = 3,
    fuse: str = "sum",
    gamma: float = 2.0,
) -> Attribution:
    """Sum over layers l of M_l, enlarged bilinearly to the finest grid.

    M_l is LayerCAM at layer l: sum over k of relu(dS/dA_k) A_k. The layers are the given one, and
    of every other grid the last one that leads to it, the deepest first. With ``fuse="max"``, the
    largest over layers of tanh(gamma M_l / max M_l) of the positive parts, as in the paper.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    layer : str, optional
        The last layer; chosen automatically if not given.
    scales : int
        Maximum number of layers.
    fuse : {"sum", "max"}
        How the scales are combined.
    gamma : float
        How far small values are raised, with ``fuse="max"``.

    Returns
    -------
    Attribution
        (N, h, w), signed, in score units, or in 0..1; note ``layers``, those that were read.

    Raises
    ------
    MethodRefusedError
        If there is no layer with places, or its gradient is zero everywhere.
    UsageError
        If a number makes no sense.
    """
    if scales < 1 or not 0 < gamma < np.inf or fuse not in ("sum", "max"):
        raise UsageError(
            f"scales {scales}, fuse {fuse!r} and gamma {gamma} are not all allowed; allowed: 1 or "
            "more scales, sum or max, a positive gamma"
        )
    network = context.network
    last, _, _ = layer_gradient(context, x, target, layer)
    others, warnings = _placed(network, scales_before(network, last)[: scales - 1])
    layers = [last, *others]
    found = context.gradients(x, target, [one.name for one in layers])
    size = tuple(max(one.grid[axis] for one in layers) for axis in (0, 1))
    result = np.zeros((len(x), *size))
    for one in layers:
        _, maps, slopes = read_layer(network, one, found)
        values = np.einsum("nkhw,nkhw->nhw", maps, np.maximum(slopes, 0.0))
        for n, single in enumerate(values):
            if fuse == "sum":
                result[n] += upsample(single, (size[0], size[1]))
            elif (largest := single.max()) > 0:
                share = np.tanh(gamma * np.maximum(single, 0.0) / largest)
                result[n] = np.maximum(result[n], upsample(share, (size[0], size[1])))
    notes = {"layers": [one.name for one in layers]}
    return Attribution(result, ("H", "W"), layer=last.name, notes=notes, warnings=warnings)


def _placed(
    network: Network, layers: list[SpatialLayer]
) -> tuple[list[SpatialLayer], tuple[str, ...]]:
    """Layers with their places in the picture's order; one without is left out with a warning."""
    kept, warnings = [], []
    for layer in layers:
        try:
            kept.append(placed(network, layer))
        except MethodRefusedError as error:
            warnings.append(f"a scale is left out: {error}")
    return kept, tuple(warnings)
