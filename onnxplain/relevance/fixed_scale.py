"""Normalisation layers whose deviation is a constant (AttnLRP, proposition 3.4)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from onnxplain.convert.step import Step

_WITHOUT_MEAN = ("RMSNormalization", "SimplifiedLayerNormalization")


def with_fixed_scale(step: Step, operands: Sequence[Tensor | None]) -> Tensor:
    """Run a normalisation so that its derivative is that of its linear part.

    Parameters
    ----------
    step : Step
        One of the operators in `onnxplain.relevance.kinds.NORMALISING`.
    operands : sequence of (Tensor or None)
        Its operands.
    """
    x, *parameters = operands
    assert x is not None
    kind, attributes = step.node.op_type, step.node.attributes
    scale, bias = (*(_along_channels(kind, x, p) for p in parameters), None, None)[:2]
    # Where whole samples are normalised, a row is a channel or a group of channels.
    groups = {"InstanceNormalization": x.shape[1:2], "GroupNormalization": [_groups(step)]}
    rows = x.reshape(len(x), *groups[kind], -1) if kind in groups else x
    if kind == "MeanVarianceNormalization":
        axes = list(attributes.get("axes", [0, 2, 3]))
    else:
        axes = list(range(attributes.get("axis", -1) % rows.dim(), rows.dim()))
    if kind not in _WITHOUT_MEAN:
        rows = rows - rows.mean(axes, keepdim=True)
    power = rows.square().mean(axes, keepdim=True)
    if kind == "MeanVarianceNormalization":
        deviation = power.sqrt() + 1e-9
    else:
        deviation = (power + attributes.get("epsilon", 1e-5)).sqrt()
    y = (rows / deviation.detach()).reshape(x.shape)
    y = y if scale is None else y * scale
    return y if bias is None else y + bias


def _groups(step: Step) -> int:
    return int(step.node.attributes.get("num_groups", 1))


def _along_channels(kind: str, x: Tensor, parameter: Tensor | None) -> Tensor | None:
    """Scale or bias in the shape in which it meets `x`."""
    if parameter is None or kind not in ("InstanceNormalization", "GroupNormalization"):
        return parameter
    # GroupNormalization has one value for each group up to opset 20.
    repeated = parameter.repeat_interleave(x.shape[1] // parameter.numel())
    return repeated.reshape(-1, *[1] * (x.dim() - 2))
