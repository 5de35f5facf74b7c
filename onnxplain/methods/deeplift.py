"""DeepLIFT: what each input's distance from a baseline contributed, node by node."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import NumericalError
from onnxplain.explanations.attribution import Attribution
from onnxplain.methods.gradients import input_axes, input_scores
from onnxplain.methods.promises import gap_warnings, growth_warnings
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.network.network import Network
from onnxplain.perturb.fills import fill
from onnxplain.relevance.bodies import require_equal_bodies
from onnxplain.targets.target import Target

_TOLERANCE = 0.01


def _require_equal_bodies(network: Network) -> None:
    require_equal_bodies(network.graph, network.image.name, network.head.logits)


@method(
    name="deeplift",
    family="gradient",
    needs=Capability.GRADIENTS | Capability.SIGNALS,
    explains="logit",
    display="signed",
    summary="Difference from a baseline times multipliers that replace gradients by difference "
    "quotients.",
    reference="Shrikumar, Greenside, Kundaje 2017, arXiv:1704.02685, rescale rule",
    meaning="score units; positive values support the target, relative to the baseline",
    class_discriminative=True,
    promises="sums to S(x) - S(baseline), up to rounding",
    tolerance=_TOLERANCE,
    failures="depends on the baseline; pixels that look like it get no attribution",
    requires=_require_equal_bodies,
)
def deeplift(
    context: Context, x: NDArray[Any], target: Target, *, baseline: str = "black"
) -> Attribution:
    """(x - x') times the multiplier of x; see `onnxplain.relevance.multipliers`.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    baseline : str
        Picture without evidence: black, white, mean, blur, noise, an image file, or a number
        in the model's units.

    Returns
    -------
    Attribution
        The shape of `x`, signed, in score units; measure ``completeness_gap`` (relative).

    Raises
    ------
    NumericalError
        If the multipliers overflow.
    """
    name = context.network.image.name
    start = fill(context, x, baseline)
    found = context.gradients(x, target, [name], baseline=start)
    values = (x.astype(np.float64) - start) * found.gradients[name]
    change = found.scores - input_scores(context, start, target)
    total = values.reshape(len(x), -1).sum(axis=1)
    gap = (change - total) / np.where(change == 0, 1.0, change)
    remedy = "another baseline (blur, mean), integrated-gradients or grad-cam"
    if not np.isfinite(values).all():
        raise NumericalError(
            f"DeepLIFT's multipliers overflow at {found.growth.op_type} {found.growth.tensor!r}; "
            f"use {remedy}"
        )
    precise = f"compute with --precision double, or use {remedy}"
    precision = context.network.precision
    exploded = growth_warnings(found.growth, "the contributions", f"use {remedy}", precision)
    return Attribution(
        values,
        input_axes(context),
        measures={"completeness_gap": gap},
        warnings=exploded or gap_warnings(gap, _TOLERANCE, precise),
    )
