"""In which manner a node without weights hands relevance on (no PyTorch here).

The manner is settled here, from the operator and from what a composite says; how it is
computed is the matter of whoever walks back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.bodies import is_control_flow
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.bodies import computes
from onnxplain.relevance.composites import RuleUse, Unknown
from onnxplain.relevance.gates import constant_operand, signal_operand
from onnxplain.relevance.kinds import (
    AVERAGING,
    BILINEAR,
    CHOOSING,
    ELEMENTWISE,
    HOMOGENEOUS,
    LINEAR_MAPS,
    MOVING,
    NORMALISING,
    READING,
    SCALING,
)
from onnxplain.relevance.rule_table import WITHOUT_WEIGHTS

#: What stabilizes a division where no epsilon is named.
STABILIZER = 1e-6
_BY_CONTRIBUTION = AVERAGING | LINEAR_MAPS | NORMALISING | {"Add", "Sub", "Conv", "ConvTranspose"}

#: - ``none``: nothing is handed on.
#: - ``whole``: the receiver gets the relevance as it is.
#: - ``fitting``: so does the first receiver that has the shape of the output.
#: - ``operands``: each receiver gets it, summed over what the operand was repeated along.
#: - ``derivative``: the transposed Jacobian times the relevance.
#: - ``contribution``: x_i J_i^T (R / y).
#: - ``terms``: x_i J_i^T R.
#: - ``softmax``: x (R - p sum R).
Way = Literal[
    "none", "whole", "fitting", "operands", "derivative", "contribution", "terms", "softmax"
]


@dataclass(frozen=True)
class Manner:
    """How a node hands the relevance of its outputs on.

    Attributes
    ----------
    way : Way
        What is computed.
    receivers : tuple of int
        Operands that receive relevance, by position.
    parts : int
        What the relevance is divided by first.
    epsilon : float
        Stabilizer of ``contribution``.
    """

    way: Way
    receivers: tuple[int, ...] = ()
    parts: int = 1
    epsilon: float = STABILIZER


def manner_of(
    graph: Graph,
    node: Node,
    leaves: Sequence[int],
    epsilon: float,
    use: RuleUse | None = None,
    unknown: Unknown = "refuse",
) -> Manner:
    """Settle how a node without weights hands relevance on.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    node : Node
        The node.
    leaves : sequence of int
        Operands that carry the signal, by position.
    epsilon : float
        Stabilizer of the epsilon rule.
    use : RuleUse, optional
        Rule that stands in the place of the operator's own.
    unknown : {"refuse", "pass", "gradient"}
        What to do if the operator has no rule.

    Raises
    ------
    MethodRefusedError
        If there is no rule for the operator and `unknown` is to refuse, or `use` cannot
        stand here; a silent gradient is never used instead.
    """
    own = tuple(leaves)
    if use is not None:
        return _as_told(graph, node, own, epsilon, use)
    kind = node.operator
    if kind in ELEMENTWISE or kind in SCALING or kind == "BatchNormalization":
        return Manner("whole", own[:1])
    if kind in MOVING or kind in CHOOSING:
        return Manner("derivative", own)
    if kind in _BY_CONTRIBUTION:
        return Manner("contribution", own, epsilon=epsilon)
    if kind in HOMOGENEOUS:
        return Manner("contribution", own, HOMOGENEOUS[kind], epsilon)
    if kind in READING:
        return Manner("contribution", tuple(k for k in own if not k), epsilon=epsilon)
    if kind == "ReduceLogSum":
        return Manner("terms", own[:1])
    if kind in ("Mul", "Div"):
        return _product(graph, node, own)
    if kind in ("Softmax", "LogSoftmax"):
        return Manner("softmax", (0,))
    if is_control_flow(node) and not computes(node, graph):
        return Manner("derivative", own)
    if kind in BILINEAR:
        return Manner("contribution", own, len(own), epsilon)
    if unknown == "refuse":
        raise _no_rule(node, computes(node, graph))
    return _as_told(graph, node, own, epsilon, RuleUse(unknown))


def cannot_fit(node: Node, shape: Sequence[int | None]) -> MethodRefusedError:
    """Error of ``fitting`` where no receiver has the shape of the output.

    Parameters
    ----------
    node : Node
        The node.
    shape : sequence of int
        That of its output.
    """
    return MethodRefusedError(
        f"relevance cannot pass {node} element by element: no input has the shape "
        f"{list(shape)} of its output; use gradient there"
    )


def _no_rule(node: Node, inside: Sequence[str]) -> MethodRefusedError:
    holds = f", which holds {', '.join(inside)}" if inside else ""
    return MethodRefusedError(
        f"no relevance rule for operator {node.operator} at tensor {node.output!r}{holds}; "
        "unknown=pass passes relevance on element by element, unknown=gradient in proportion to "
        "the derivative; integrated-gradients, grad-cam and occlusion need no rules"
    )


def _as_told(
    graph: Graph, node: Node, leaves: tuple[int, ...], epsilon: float, use: RuleUse
) -> Manner:
    """Apply a rule that a composite names."""
    if use.rule == "none":
        return Manner("none")
    if use.rule == "gradient":
        return Manner("derivative", leaves)
    if use.rule == "pass":
        return Manner("fitting", leaves)
    if use.rule in ("epsilon", "norm"):
        own = use.parameters.get("epsilon", epsilon)
        return Manner("contribution", leaves, epsilon=STABILIZER if use.rule == "norm" else own)
    if use.rule == "deep-taylor" and node.op_type == "Softmax":
        return Manner("softmax", (0,))
    product = node.operator == "Mul" or node.operator in BILINEAR
    if use.rule in ("halves", "signal") and product:
        return _two_signals(graph, node, leaves, epsilon, use.rule)
    raise MethodRefusedError(
        f"rule {use.rule} cannot stand at {node}: it is for "
        f"{_PLACES.get(use.rule, 'nodes with constant weights (convolution, linear)')}; "
        f"rules for any node: {', '.join(r for r in WITHOUT_WEIGHTS if r not in _PLACES)}"
    )


_PLACES = {
    "deep-taylor": "Softmax",
    "halves": "products of two signals",
    "signal": "products of two signals",
}


def _two_signals(
    graph: Graph, node: Node, leaves: tuple[int, ...], epsilon: float, rule: str
) -> Manner:
    """Half to each operand, or all to the one that carries the signal."""
    constant = constant_operand(graph, node) if rule == "signal" else None
    receivers = tuple(k for k in leaves if k != constant)
    way: Way = "operands" if node.op_type == "Mul" else "contribution"
    return Manner(way, receivers, len(receivers), epsilon)


def _product(graph: Graph, node: Node, leaves: tuple[int, ...]) -> Manner:
    if node.op_type == "Div":
        # A denominator normalises: it is held constant (AttnLRP, proposition 3.4).
        return Manner("operands", (0,) if 0 in leaves else ())
    signal = signal_operand(graph, node) if len(leaves) > 1 else None
    receivers = leaves if signal is None else (signal,)
    return Manner("operands", receivers, len(receivers))
