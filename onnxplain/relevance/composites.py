"""Which relevance rule stands at which node, as plain data (no PyTorch here).

Names and meanings follow zennit: Anders et al., "Software for Dataset-wide XAI: From Local
Explanations to Global Insights with Zennit, CoRelAy, and ViRelAy", 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from onnxplain.errors import UnknownNameError
from onnxplain.graph.view import Node

CONV = frozenset({"Conv", "ConvTranspose"})
LINEAR = frozenset({"Gemm", "MatMul"})


@dataclass(frozen=True)
class RuleUse:
    """A rule by name, with its parameters.

    Attributes
    ----------
    rule : str
        A key of `onnxplain.relevance.rules.RULES`.
    parameters : mapping of str to value
        Keyword arguments of the rule.
    """

    rule: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)


@dataclass(frozen=True)
class Composite:
    """Assignment of rules to the weighted nodes of a graph.

    Nodes without weights (additions, pooling, gates, attention, ...) have one rule each,
    set by their operator; see `onnxplain.relevance.walk`.

    Attributes
    ----------
    name : str
        Display name.
    convolution : RuleUse
        For Conv and ConvTranspose.
    linear : RuleUse
        For Gemm, and MatMul with a constant.
    epsilon : float
        Stabilizer of every other node that divides relevance by its output.
    """

    name: str
    convolution: RuleUse
    linear: RuleUse
    epsilon: float = 1e-6

    def rule_for(self, node: Node) -> RuleUse:
        """Return the rule for a node with weights."""
        return self.convolution if node.op_type in CONV else self.linear


def _epsilon(value: float) -> RuleUse:
    return RuleUse("epsilon", MappingProxyType({"epsilon": value}))


CompositeName = Literal["epsilon-plus", "epsilon"]


def composite(name: str, *, epsilon: float = 1e-6) -> Composite:
    """Return a composite by name.

    Parameters
    ----------
    name : str
        ``epsilon-plus`` (z-plus at convolutions, epsilon at linear layers; Montavon et al.
        2019, section 10.2.1) or ``epsilon`` (epsilon everywhere; Bach et al. 2015, eq. 58).
    epsilon : float
        Stabilizer, in units of the node's output.

    Raises
    ------
    UnknownNameError
        If there is no composite of that name.
    """
    build = {
        "epsilon-plus": (RuleUse("z-plus"), _epsilon(epsilon)),
        "epsilon": (_epsilon(epsilon), _epsilon(epsilon)),
    }
    if name not in build:
        raise UnknownNameError("composite", name, build, f"composites: {', '.join(build)}")
    return Composite(name, *build[name], epsilon=epsilon)
