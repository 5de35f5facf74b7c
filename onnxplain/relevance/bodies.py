"""What methods that treat each node in its own way do at If, Loop and Scan (no PyTorch here).

A body that only moves elements can be passed by its derivative, whichever branch was taken
and however often it ran. A body that computes holds nodes that would need a rule each, and is
refused: a plain gradient through it would be another method's result under this one's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.bodies import bodies_of, is_control_flow
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.kinds import MOVING

# Behind these two, a Loop's body reads its counter and its condition, which carry no signal.
_COUNTER_AND_CONDITION = 2


def computes(node: Node, graph: Graph, moving: AbstractSet[str] = MOVING) -> list[str]:
    """Operators in the bodies of a node that do more to the signal than move it.

    Parameters
    ----------
    node : Node
        An If, Loop or Scan of `graph`.
    graph : Graph
        Where it stands.
    moving : set of str
        Operators that count as moving.

    Returns
    -------
    list of str
        Sorted and unique; empty if the derivative of the node is all there is to know.
    """
    return sorted(set(_computing(node, graph, moving)))


def _computing(node: Node, graph: Graph, moving: AbstractSet[str]) -> Iterator[str]:
    for body in bodies_of(node, graph).values():
        own = _COUNTER_AND_CONDITION if node.op_type == "Loop" else 0
        signal = body.descendants(i.name for i in body.inputs[own:])
        for inner in body.nodes:
            if signal.isdisjoint(inner.outputs):
                continue
            if is_control_flow(inner):
                yield from _computing(inner, body, moving)
            elif inner.operator not in moving and inner.operator != "Identity":
                yield inner.operator


def refusal(node: Node, operators: list[str], method: str) -> MethodRefusedError:
    """Error of a method that cannot look into a body.

    Parameters
    ----------
    node : Node
        The If, Loop or Scan.
    operators : list of str
        What it would have to treat there.
    method : str
        How it names itself in a message.
    """
    return MethodRefusedError(
        f"{method} cannot treat what stands inside of {node}: {', '.join(operators)}; "
        "gradient, integrated-gradients and grad-cam pass it as it runs, and occlusion needs "
        "no gradient"
    )
