"""What relevance propagation promises, and the warnings where it does not hold.

- A rule shares relevance out. Rules of z-plus hand on at most what they get; gamma at most
  1 + 2 / gamma times its magnitude; alpha-beta alpha + beta times; epsilon as much as the terms
  of its sum exceed the sum. When nodes multiply, the magnitudes of the relevance may grow beyond
  `onnxplain.methods.promises.LARGEST_GROWTH` times those of the score's own parts. Then they are
  decided by sums that cancel, and say nothing of the model.
- The sum of the relevance is the score less what biases absorb, between nothing and all of it.
  Biases that pull against the outputs that they belong to hand relevance out. A sum that lies
  outside by more than the score itself is no share of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import NumericalError
from onnxplain.graph.view import Graph
from onnxplain.methods.promises import growth_warnings
from onnxplain.network.network import Network
from onnxplain.relevance.composites import CONV, LINEAR, Composite
from onnxplain.relevance.growth import Growth

# How far outside of [0, 1] the share of the score that arrives may lie.
_OUTSIDE = 1.0
_WITHOUT_RULES = "integrated-gradients, grad-cam or occlusion, which have no rules"
# Share that zero_bias may lose, and share of the other sign under deep Taylor.
_TOLERANCE = 0.01


def relevance_warnings(
    network: Network, rules: Composite, growth: Growth, conservation: NDArray[Any] | None
) -> tuple[str, ...]:
    """Warn of relevance that explodes, or whose sum is no share of the score.

    Parameters
    ----------
    network : Network
        The network.
    rules : Composite
        The rules.
    growth : Growth
        How far it grew on its way.
    conservation : (N,) array, optional
        Share of the score that arrives; ``None`` if none is promised.
    """
    remedy = _remedy(network.graph, rules)
    exploded = growth_warnings(growth, "the numbers", remedy, network.precision)
    if exploded or conservation is None:
        return exploded
    worst = conservation[np.argmax(np.abs(conservation - 0.5))]
    if -_OUTSIDE <= worst <= 1 + _OUTSIDE:
        return ()
    return (
        f"{100 * worst:.3g} % of the score arrives at the input: biases take or add more than the "
        "score itself, so the values are not shares of it; use composite=epsilon-plus with "
        f"zero_bias=true, or {_WITHOUT_RULES}",
    )


def require_finite(values: NDArray[Any], growth: Growth) -> None:
    """Refuse relevance that overflows.

    Raises
    ------
    NumericalError
        If a value is NaN or infinite; it names the node.
    """
    if not np.isfinite(values).all():
        raise NumericalError(
            f"relevance overflows at {growth.op_type} {growth.tensor!r}: there, sums cancel; use "
            f"another composite, or {_WITHOUT_RULES}"
        )


def deep_taylor_warnings(
    values: NDArray[Any], conservation: NDArray[Any], *, complete: bool
) -> tuple[str, ...]:
    """Warn where deep Taylor decomposition is not what it promises to be.

    Parameters
    ----------
    values : (N, ...) array
        Relevance.
    conservation : (N,) array
        Share of the score that arrives; its sign is that of the relevance against the score.
    complete : bool
        Whether nothing may be lost.
    """
    flat = np.asarray(values, np.float64).reshape(len(values), -1)
    size = np.maximum(np.abs(flat).sum(axis=1), np.finfo(np.float64).tiny)
    mixed = np.minimum(np.maximum(flat, 0).sum(axis=1), np.maximum(-flat, 0).sum(axis=1)) / size
    found = []
    if mixed.max() > _TOLERANCE or conservation.min() < 0:
        found.append(
            "relevance has both signs, or the wrong one, which cannot happen if all activations "
            "are ReLUs: deep Taylor decomposition does not suit this network; use lrp"
        )
    lost = conservation[np.argmax(np.abs(1 - conservation))]
    if complete and abs(1 - lost) > _TOLERANCE:
        found.append(
            f"{100 * lost:.3g} % of the score arrives, although with zero_bias biases absorb "
            "nothing: neurons that are active because of their bias alone have no input to pass "
            "relevance to"
        )
    return tuple(found)


def _remedy(graph: Graph, rules: Composite) -> str:
    told = any("BatchNormalization" in match.operators for match, _ in rules.rules)
    if not told and _alone(graph):
        return (
            "a separate BatchNormalization passes on relevance that belongs to its shift: use "
            f"composite=epsilon-gamma-box-norm, or {_WITHOUT_RULES}"
        )
    if rules.name.startswith(("epsilon-gamma-box", "attn-lrp")):
        return f"use {_WITHOUT_RULES}"
    return f"use composite=auto, or {_WITHOUT_RULES}"


def _alone(graph: Graph) -> bool:
    """Whether a BatchNormalization node follows no node with weights that could take it in."""
    return any(
        node.op_type == "BatchNormalization"
        and getattr(graph.producers.get(node.inputs[0]), "op_type", "") not in CONV | LINEAR
        for node in graph.nodes
    )
