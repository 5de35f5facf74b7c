"""Relevance rules of weighted layers, as pure functions of tensors.

Every rule takes the layer as ``layer(x, w, b) -> y``, its input ``x``, weight ``w``, bias
``b`` (or ``None``), output ``y`` and the relevance ``R`` of the output, and returns the
relevance of the input. With z_ij = x_i w_ij, all rules share the form
R_i = sum_j (part of z_ij) / (sum_i of that part) R_j.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from onnxplain.relevance.manners import STABILIZER

Layer = Callable[[Tensor, Tensor, "Tensor | None"], Tensor]


Rule = Callable[..., Tensor]
"""``rule(layer, x, w, b, y, R, **parameters)``: the relevance of x."""


class Part(NamedTuple):
    """Some of the contributions z_ij: a part of the input, the weight and the bias."""

    x: Tensor
    w: Tensor
    b: Tensor | None
    sign: float = 1.0


def stabilize(z: Tensor, epsilon: float) -> Tensor:
    """Z + epsilon * sign(z), with sign(0) = +1, so that dividing by it is safe."""
    # Adding 0.0 makes a negative zero positive; few passes, because this runs at every node.
    distance = torch.full((), epsilon, dtype=z.dtype, device=z.device)
    return torch.copysign(distance, z + 0.0).add_(z)


def input_gradient(function: Callable[[Tensor], Tensor], x: Tensor, R: Tensor) -> Tensor:
    """Transposed Jacobian of `function` at `x` times `R`."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        y = function(leaf)
    return torch.autograd.grad(y, leaf, R)[0]


def share(layer: Layer, parts: Sequence[Part], R: Tensor) -> Tensor:
    """Share relevance by the contributions of some parts: R_i = sum_j z_ij / z_j R_j.

    Parameters
    ----------
    layer : callable
        The layer.
    parts : sequence of Part
        Whose contributions, with their signs, are z_ij; their sum and the biases are z_j. The
        first one has a positive sign.
    R : Tensor
        Relevance of the output.
    """
    leaves = [part.x.detach().requires_grad_() for part in parts]
    with torch.enable_grad():
        outputs = [layer(x, part.w, part.b) for x, part in zip(leaves, parts, strict=True)]
    total = outputs[0].detach()
    for part, y in zip(parts[1:], outputs[1:], strict=True):
        total = total.add(y.detach(), alpha=part.sign)
    ratio = R / stabilize(total, STABILIZER)
    gradients = torch.autograd.grad(outputs, leaves, [ratio] * len(outputs))
    result, *rest = [part.x * g for part, g in zip(parts, gradients, strict=True)]
    for part, term in zip(parts[1:], rest, strict=True):
        result.add_(term, alpha=part.sign)
    return result


def epsilon_rule(
    layer: Layer,
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    y: Tensor,
    R: Tensor,
    *,
    epsilon: float = STABILIZER,
) -> Tensor:
    """R_i = x_i sum_j w_ij R_j / (z_j + epsilon sign z_j); the bias absorbs its share.

    Notes
    -----
    Bach et al., "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by
    Layer-Wise Relevance Propagation", PLoS ONE 2015, eq. 58.
    """
    return x * input_gradient(lambda t: layer(t, w, None), x, R / stabilize(y, epsilon))


def norm_rule(layer: Layer, x: Tensor, w: Tensor, b: Tensor | None, y: Tensor, R: Tensor) -> Tensor:
    """Share by contribution: the epsilon rule with an epsilon that only stabilizes."""
    return epsilon_rule(layer, x, w, b, y, R, epsilon=STABILIZER)


def w_square_rule(
    layer: Layer,
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    y: Tensor,
    R: Tensor,
    *,
    support: Tensor | None = None,
) -> Tensor:
    """R_i = sum_j w_ij^2 / (sum_i w_ij^2 + b_j^2) R_j, whatever the input is.

    Parameters
    ----------
    layer, x, w, b, y, R
        As for every rule.
    support : Tensor, optional
        One for inputs, and zero for what only pads them and may receive nothing.

    Notes
    -----
    Montavon et al. 2017, eq. 12, for inputs without bounds.
    """
    ones = torch.ones_like(x) if support is None else support
    return share(layer, [Part(ones, w.square(), None if b is None else b.square())], R)


def flat_rule(
    layer: Layer,
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    y: Tensor,
    R: Tensor,
    *,
    support: Tensor | None = None,
) -> Tensor:
    """R_i = sum_j R_j / (number of inputs of j): spread evenly over the receptive field.

    Parameters
    ----------
    layer, x, w, b, y, R
        As for every rule.
    support : Tensor, optional
        One for inputs, and zero for what only pads them and may receive nothing.

    Notes
    -----
    Lapuschkin et al., "Unmasking Clever Hans predictors and assessing what machines really
    learn", Nature Communications 2019.
    """
    ones = torch.ones_like(x) if support is None else support
    return share(layer, [Part(ones, torch.ones_like(w), None)], R)


def z_box_rule(
    layer: Layer,
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    y: Tensor,
    R: Tensor,
    *,
    low: Tensor,
    high: Tensor,
) -> Tensor:
    """R_i = sum_j (x_i w_ij - l_i w_ij^+ - h_i w_ij^-) / (its sum over i) R_j.

    Parameters
    ----------
    layer, x, w, b, y, R
        As for every rule.
    low, high : Tensor
        Smallest and largest possible value of each input, broadcastable to `x`. What a
        convolution pads with is zero in both, as it is in `x`.

    Notes
    -----
    Montavon et al. 2017, eq. 14, for inputs in a box such as pixels.
    """
    positive, negative = (None, None) if b is None else (b.clamp(min=0), b.clamp(max=0))
    parts = [
        Part(x, w, b),
        Part(low.expand_as(x), w.clamp(min=0), positive, -1.0),
        Part(high.expand_as(x), w.clamp(max=0), negative, -1.0),
    ]
    return share(layer, parts, R)


def pass_rule(layer: Layer, x: Tensor, w: Tensor, b: Tensor | None, y: Tensor, R: Tensor) -> Tensor:
    """R as it is; only for layers whose input and output have the same shape."""
    return R
