"""DeepLIFT multipliers of Softmax and normalisation, from their elementary steps."""

from __future__ import annotations

import torch
from torch import Tensor

from onnxplain.graph.view import Node
from onnxplain.relevance.quotients import difference_quotient


def softmax_multiplier(m: Tensor, z: Tensor, base: Tensor, axis: int) -> Tensor:
    """Through p = e / S with e = exp(z - c), S = sum e.

    Parameters
    ----------
    m : Tensor
        Multiplier of p.
    z, base : Tensor
        Input for the picture and for the baseline.
    axis : int
        Axis of the sum.
    """
    # One constant for both, which changes neither quotient nor result.
    c = torch.maximum(z, base).amax(axis, keepdim=True)
    e, e_base = (z - c).exp(), (base - c).exp()
    total, total_base = e.sum(axis, keepdim=True), e_base.sum(axis, keepdim=True)
    m_e = m * (1 / total + 1 / total_base) / 2
    m_total = -(m * (e + e_base) / 2).sum(axis, keepdim=True) / (total * total_base)
    return (m_e + m_total) * difference_quotient(e, e_base, z, base, e)


def layer_norm_multiplier(node: Node, m: Tensor, x: Tensor, base: Tensor, scale: Tensor) -> Tensor:
    """Through y = d r g + b with d = x - mean(x), r = 1 / sqrt(mean(d^2) + eps).

    RMSNormalization, also by its older name, is the same without the mean.

    Parameters
    ----------
    node : Node
        The normalisation.
    m : Tensor
        Multiplier of y.
    x, base : Tensor
        Input for the picture and for the baseline.
    scale : Tensor
        g.
    """
    axes = list(range(node.attributes.get("axis", -1) % x.dim(), x.dim()))
    centred = node.op_type not in ("RMSNormalization", "SimplifiedLayerNormalization")

    def deviation(t: Tensor) -> Tensor:
        return t - t.mean(axes, keepdim=True) if centred else t

    d, d_base = deviation(x), deviation(base)
    epsilon = node.attributes.get("epsilon", 1e-5)
    power, power_base = (t.square().mean(axes, keepdim=True) + epsilon for t in (d, d_base))
    r, r_base = power.rsqrt(), power_base.rsqrt()
    inner = m * scale
    m_r = (inner * (d + d_base) / 2).sum(axes, keepdim=True)
    slope = -0.5 * power.rsqrt() / power
    m_power = m_r * difference_quotient(r, r_base, power, power_base, slope)
    count = d[0].numel() / power[0].numel()
    m_d = inner * (r + r_base) / 2 + m_power * (d + d_base) / count
    return m_d - m_d.mean(axes, keepdim=True) if centred else m_d
