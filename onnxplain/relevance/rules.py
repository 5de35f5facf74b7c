"""Relevance rules of weighted layers, as pure functions of tensors.

Every rule takes the layer as ``layer(x, w, b) -> y``, its input ``x``, weight ``w``, bias
``b`` (or ``None``), output ``y`` and the relevance ``R`` of the output, and returns the
relevance of the input. With z_ij = x_i w_ij, all rules share the form
R_i = sum_j (part of z_ij) / (sum_i of that part) R_j.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

import torch
from torch import Tensor

Layer = Callable[[Tensor, Tensor, "Tensor | None"], Tensor]
STABILIZER = 1e-6


class Rule(Protocol):
    """Signature of every rule; parameters of its own are keyword arguments."""

    def __call__(
        self,
        layer: Layer,
        x: Tensor,
        w: Tensor,
        b: Tensor | None,
        y: Tensor,
        R: Tensor,
        **parameters: Any,
    ) -> Tensor:
        """Return the relevance of `x`."""
        ...


def stabilize(z: Tensor, epsilon: float) -> Tensor:
    """Z + epsilon * sign(z), with sign(0) = +1, so that dividing by it is safe."""
    # Signs first: `where` of two numbers is float32, which 0.1 is not.
    return z + epsilon * torch.where(z < 0, -1.0, 1.0).to(z.dtype)


def input_gradient(function: Callable[[Tensor], Tensor], x: Tensor, R: Tensor) -> Tensor:
    """Transposed Jacobian of `function` at `x` times `R`."""
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        y = function(leaf)
    return torch.autograd.grad(y, leaf, R)[0]


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


def z_plus_rule(
    layer: Layer, x: Tensor, w: Tensor, b: Tensor | None, y: Tensor, R: Tensor
) -> Tensor:
    """Only what raises the output receives relevance: R_i = sum_j z_ij^+ / z_j^+ R_j.

    z^+ collects positive inputs at positive weights and negative inputs at negative
    weights, and the positive part of the bias.

    Notes
    -----
    Montavon et al., "Explaining nonlinear classification decisions with deep Taylor
    decomposition", Pattern Recognition 2017; for negative inputs as alpha=1, beta=0
    of Bach et al. 2015, eq. 60.
    """
    bias = None if b is None else b.clamp(min=0)
    parts = [(x.clamp(min=0), w.clamp(min=0), bias)]
    # After a ReLU there is nothing negative, and half of the work falls away.
    if bool((x < 0).any()):
        parts.append((x.clamp(max=0), w.clamp(max=0), None))
    return _share(layer, parts, R)


def _share(layer: Layer, parts: list[tuple[Tensor, Tensor, Tensor | None]], R: Tensor) -> Tensor:
    leaves = [x.detach().requires_grad_() for x, _, _ in parts]
    with torch.enable_grad():
        outputs = [layer(x, w, b) for x, (_, w, b) in zip(leaves, parts, strict=True)]
    share = R / stabilize(torch.stack([y.detach() for y in outputs]).sum(0), STABILIZER)
    gradients = torch.autograd.grad(outputs, leaves, [share] * len(outputs))
    return sum(
        (x.detach() * g for x, g in zip(leaves, gradients, strict=True)),
        torch.zeros_like(leaves[0]),
    )


RULES: Mapping[str, Rule] = MappingProxyType({"epsilon": epsilon_rule, "z-plus": z_plus_rule})
