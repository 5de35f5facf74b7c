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
from onnxplain.graph.operators import Trait, having
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.kinds import MOVING

# The condition of Where, and what is chosen, may differ between a picture and a baseline.
ONLY_MOVING = MOVING - having(Trait.CHOOSES) - {"Where"}
# Inputs in front that decide which body runs, or how often.
_DECIDING = {"If": 1, "Loop": 2}
# After these two, a Loop's body reads its counter and its condition, which carry no signal.
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
        for body_node in body.nodes:
            if signal.isdisjoint(body_node.outputs):
                continue
            if is_control_flow(body_node):
                yield from _computing(body_node, body, moving)
            elif body_node.operator not in moving and body_node.operator != "Identity":
                yield body_node.operator


def require_equal_bodies(graph: Graph, image: str, output: str) -> None:
    """Refuse a graph with a body that DeepLIFT cannot treat; see `refuse_unequal`.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image, output : str
        Tensors between which nodes count.
    """
    dynamic, needed = graph.descendants([image]), graph.ancestors(output)
    for node in graph.nodes:
        if is_control_flow(node) and not (needed & dynamic).isdisjoint(node.outputs):
            refuse_unequal(node, graph, dynamic)


def refuse_unequal(node: Node, graph: Graph, dynamic: AbstractSet[str]) -> None:
    """Let a body pass only if it does the same linear thing for picture and baseline.

    Parameters
    ----------
    node : Node
        An If, Loop or Scan of `graph`.
    graph : Graph
        Where it stands.
    dynamic : set of str
        Tensors that depend on the explained input.

    Raises
    ------
    MethodRefusedError
        If it computes, or the picture decides what it does.
    """
    found = computes(node, graph, ONLY_MOVING)
    if any(name in dynamic for name in node.inputs[: _DECIDING.get(node.op_type, 0)]):
        found = ["a condition that depends on the picture", *found]
    if found:
        raise refusal(node, found, "DeepLIFT")


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
        f"{method} cannot handle the body of {node}: {', '.join(operators)}; gradient, "
        "integrated-gradients and grad-cam can, and occlusion needs no gradient"
    )
