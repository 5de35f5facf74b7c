"""Relevance rules that treat what raises and what lowers an output differently.

Signatures and form are those of `onnxplain.relevance.rules`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from onnxplain.relevance.rules import (
    Layer,
    Part,
    Rule,
    epsilon_rule,
    flat_rule,
    norm_rule,
    pass_rule,
    share,
    w_square_rule,
    z_box_rule,
)

Modifier = Callable[[Tensor], Tensor]


def z_plus_rule(
    layer: Layer,
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    y: Tensor,
    R: Tensor,
    *,
    zero_bias: bool = False,
) -> Tensor:
    """Only what raises the output receives relevance: R_i = sum_j z_ij^+ / z_j^+ R_j.

    z^+ collects positive inputs at positive weights and negative inputs at negative
    weights, and the positive part of the bias unless `zero_bias`.

    Notes
    -----
    Montavon et al., "Explaining nonlinear classification decisions with deep Taylor
    decomposition", Pattern Recognition 2017; for negative inputs as alpha=1, beta=0
    of Bach et al. 2015, eq. 60.
    """
    return share(layer, _contributions(x, w, None if zero_bias else b, _positive, _negative), R)


def alpha_beta_rule(
    layer: Layer,
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    y: Tensor,
    R: Tensor,
    *,
    alpha: float = 2.0,
    beta: float = 1.0,
    zero_bias: bool = False,
) -> Tensor:
    """R_i = sum_j (alpha z_ij^+ / z_j^+ - beta z_ij^- / z_j^-) R_j, with alpha - beta = 1.

    Notes
    -----
    Bach et al. 2015, eq. 60; the bias counts with its positive part in z_j^+ and its
    negative part in z_j^-, unless `zero_bias`.
    """
    bias = None if zero_bias else b
    raising = share(layer, _contributions(x, w, bias, _positive, _negative), R)
    if not beta:
        return alpha * raising
    lowering = share(layer, _contributions(x, w, bias, _negative, _positive), R)
    return alpha * raising - beta * lowering


def gamma_rule(
    layer: Layer,
    x: Tensor,
    w: Tensor,
    b: Tensor | None,
    y: Tensor,
    R: Tensor,
    *,
    gamma: float = 0.25,
) -> Tensor:
    """Contributions of the output's own sign count (1 + gamma) times.

    Where y_j > 0: R_i = sum_j (z_ij + gamma z_ij^+) / (sum over i) R_j, and the bias in the
    denominator likewise; where y_j < 0, the same with z_ij^-.

    Notes
    -----
    Montavon et al., "Layer-Wise Relevance Propagation: An Overview", 2019, section 10.2.3;
    for inputs and outputs of any sign: Andéol et al., "Learning Domain Invariant
    Representations by Joint Wasserstein Distance Minimization", 2021.
    """

    def more_positive(t: Tensor) -> Tensor:
        return t + gamma * t.clamp(min=0)

    def more_negative(t: Tensor) -> Tensor:
        return t + gamma * t.clamp(max=0)

    above = torch.where(y > 0, R, torch.zeros_like(R))
    result = share(layer, _contributions(x, w, b, more_positive, more_negative), above)
    # Relevance seldom stands where a ReLU cuts, and half of the work falls away.
    below = torch.where(y < 0, R, torch.zeros_like(R))
    if bool(below.any()):
        result = result + share(layer, _contributions(x, w, b, more_negative, more_positive), below)
    return result


def _positive(t: Tensor) -> Tensor:
    return t.clamp(min=0)


def _negative(t: Tensor) -> Tensor:
    return t.clamp(max=0)


def _contributions(
    x: Tensor, w: Tensor, b: Tensor | None, for_positive: Modifier, for_negative: Modifier
) -> list[Part]:
    """Positive inputs with one form of the weights, negative ones with the mirrored form."""
    # After a ReLU there is nothing negative, and half of the work falls away.
    mixed = bool(x.amin() < 0)
    bias = None if b is None else for_positive(b)
    parts = [Part(x.clamp(min=0) if mixed else x, for_positive(w), bias)]
    if mixed:
        parts.append(Part(x.clamp(max=0), for_negative(w), None))
    return parts


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "epsilon": epsilon_rule,
        "norm": norm_rule,
        "z-plus": z_plus_rule,
        "alpha-beta": alpha_beta_rule,
        "gamma": gamma_rule,
        "z-box": z_box_rule,
        "w-square": w_square_rule,
        "flat": flat_rule,
        "pass": pass_rule,
    }
)
