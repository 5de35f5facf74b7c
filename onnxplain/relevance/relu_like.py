"""Which nodes are ReLU-like activations: what guided backpropagation and deconvnet treat.

No PyTorch here: whether a model has any is known before it is converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.bodies import bodies_of
from onnxplain.graph.expand import expand
from onnxplain.graph.operators import Trait, having
from onnxplain.graph.rectifiers import rectified_root
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.bodies import refusal
from onnxplain.relevance.gates import self_gates

_RELU_LIKE = having(Trait.RELU_LIKE)


def no_node(node: Node) -> bool:
    """Treat no other kind of node."""
    return False


def require_relu_like(graph: Graph, image: str, output: str, mode: str) -> None:
    """Refuse a graph that holds no ReLU-like activation, or one inside of an If, Loop or Scan.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image, output : str
        Tensors between which the activations count.
    mode : str
        Name of the backward pass, for the message.

    Raises
    ------
    MethodRefusedError
        If the pass would equal the gradient, or cannot reach an activation.
    """
    graph = expand(graph)
    dynamic, needed = graph.descendants([image]), graph.ancestors(output)
    roots = activation_roots(graph, dynamic)
    for node in graph.nodes:
        if not needed.isdisjoint(node.outputs) and not dynamic.isdisjoint(node.outputs):
            refuse_inside(graph, node, mode)
    if needed.isdisjoint(roots):
        raise no_relu_like(mode)


def no_relu_like(mode: str) -> MethodRefusedError:
    """Error of a backward pass that finds no activation to treat in its own way."""
    return MethodRefusedError(
        f"{mode} backpropagation needs ReLU-like activations, and this model has none, so it "
        "would equal the gradient; use gradient or integrated-gradients"
    )


def activation_roots(graph: Graph, dynamic: AbstractSet[str]) -> dict[str, str]:
    """Outputs of ReLU-like nodes and regions, with the tensor that each is a function of.

    Parameters
    ----------
    graph : Graph
        The prepared graph, its integer operators written out.
    dynamic : set of str
        Tensors that depend on the explained input.
    """
    found = _roots(graph, dynamic)
    return {output: root for output, root in found.items() if root in dynamic}


def refuse_inside(
    graph: Graph, node: Node, mode: str, also: Callable[[Node], bool] = no_node
) -> None:
    """Refuse bodies of an If, Loop or Scan that hold what the pass treats in its own way.

    Parameters
    ----------
    graph : Graph
        Where the node stands.
    node : Node
        Any node.
    mode : str
        Name of the backward pass, for the message.
    also : callable
        Whether the pass treats another kind of node in its own way as well.

    Raises
    ------
    MethodRefusedError
        If there is such a body.
    """
    found = sorted(set(_treated_inside(graph, node, also)))
    if found:
        raise refusal(node, found, f"{mode} backpropagation")


def _treated_inside(graph: Graph, node: Node, also: Callable[[Node], bool]) -> Iterator[str]:
    for body in bodies_of(node, graph).values():
        # What a branch reads from outside is none of its inputs, so that any activation counts.
        roots = _roots(body, body.descendants_of_inputs)
        for own in body.nodes:
            if own.output in roots or also(own):
                yield own.operator
            yield from _treated_inside(body, own, also)


def _roots(graph: Graph, dynamic: AbstractSet[str]) -> dict[str, str]:
    # SiLU, GELU and the like, written as products of a tensor with a function of itself.
    gates = {_scaled(graph, y): root for y, root in self_gates(graph, dynamic).items()}
    found = {node.output: _root(graph, node, gates) for node in graph.nodes if node.outputs}
    return {output: root for output, root in found.items() if root}


def _root(graph: Graph, node: Node, gates: Mapping[str, str]) -> str:
    """Tensor that a ReLU-like node or region is a function of; empty for any other node."""
    if node.operator in _RELU_LIKE:
        return node.inputs[0]
    if node.op_type == "Clip" and not node.domain:
        low = node.attributes.get("min")
        if len(node.inputs) > 1 and graph.is_constant(node.inputs[1]):
            limits = graph.constant(node.inputs[1])
            low = float(limits.reshape(-1)[0]) if limits.size == 1 else None
        return node.inputs[0] if low == 0 else ""
    if node.op_type == "QuantizeLinear":
        return rectified_root(graph, node)
    return gates.get(node.output, "")


def _scaled(graph: Graph, tensor: str) -> str:
    """Output of a region with the constant factor that follows it.

    GELU is written as (x / 2) (1 + erf) and as x (1 + erf) / 2: one activation either way.
    """
    readers = graph.consumers.get(tensor, ())
    if len(readers) != 1 or readers[0].op_type not in ("Mul", "Div"):
        return tensor
    node = readers[0]
    factors = [n for n in node.inputs if n != tensor]
    scalar = len(factors) == 1 and graph.is_constant(factors[0])
    if not scalar or graph.constant(factors[0]).size != 1:
        return tensor
    divides_by = node.op_type == "Div" and node.inputs[1] == tensor
    return tensor if divides_by else _scaled(graph, node.output)
