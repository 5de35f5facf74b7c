"""Class activation mapping: the linear head, read at every place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError
from onnxplain.explanations.attribution import Attribution
from onnxplain.graph.quantised import real_values
from onnxplain.methods.logits import require_logit
from onnxplain.methods.promises import gap_warnings
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.network.network import Network
from onnxplain.targets.target import Target

# A quantised head rounds its logits to steps.
_TOLERANCE = 0.05


def _linear_head(network: Network) -> None:
    network.cam_head(network.layer(None))


@method(
    name="cam",
    family="cam",
    needs=Capability.FORWARD | Capability.ACTIVATIONS,
    explains="logit",
    display="positive",
    summary="Feature maps of the last layer, weighted by the class's row of the linear head.",
    reference="Zhou, Khosla, Lapedriza, Oliva, Torralba 2016, arXiv:1512.04150, equation 2",
    meaning="logit units per place; positive values support the target",
    class_discriminative=True,
    promises="the mean of the map plus the class's bias is the logit",
    tolerance=_TOLERANCE,
    failures="coarse: has the last layer's resolution; needs global average pooling and one "
    "linear layer",
    requires=_linear_head,
)
def cam(
    context: Context, x: NDArray[Any], target: Target, *, layer: str | None = None
) -> Attribution:
    """M_c(i, j) = sum over k of w_k^c A_k(i, j).

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.

    Returns
    -------
    Attribution
        (N, h, w), signed, in logit units; measure ``completeness_gap``: the logit minus
        (mean of the map + bias), relative to the logit.

    Raises
    ------
    MethodRefusedError
        If the head is not global average pooling and one linear layer, or the target is
        not a logit.
    """
    network = context.network
    require_logit("cam explains", network, target)
    spatial = network.layer(layer)
    head = network.cam_head(spatial)
    if target.tensors != (network.head.logits,) or not target.is_linear:
        raise MethodRefusedError(
            f"cam explains what is linear in {network.head.logits!r}, and the target "
            f"({target.describe()}) is not; use grad-cam"
        )
    values = context.engine(Capability.ACTIVATIONS).activations(x, [spatial.name, *target.tensors])
    # The largest other class of a margin is another one for another picture.
    mixed = target.slopes(values)[network.head.logits].reshape(len(x), -1)
    maps = spatial.to_maps(real_values(network.graph, spatial.name, values[spatial.name]))
    rows = np.stack([head.mixed(row) for row in mixed])
    # By NumPy's own loop, in double precision: see `CamHead.mixed`.
    exact = np.einsum("nchw,nc->nhw", maps, rows, dtype=np.float64)
    result = exact.astype(np.result_type(maps, rows))
    logit, bias = target.score(values), mixed @ head.bias
    gap = (logit - bias - result.mean(axis=(1, 2))) / np.where(logit == 0, 1.0, logit)
    remedy = "the head rounds, or the logit is close to zero; use hirescam or occlusion"
    return Attribution(
        result,
        ("H", "W"),
        layer=spatial.name,
        measures={"completeness_gap": gap},
        warnings=gap_warnings(gap, _TOLERANCE, remedy),
    )
