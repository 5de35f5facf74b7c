"""Which nodes have weights, and what scales or shifts their outputs (no PyTorch here).

``BN(conv(x, w, b)) = conv(x, w s, (b - mean) s + beta)`` with s = gamma / sqrt(var + eps):
a rule that looks at the sign of weights and biases must see the merged ones. It is guided
by dataflow (who reads which tensor), not by the order of layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import NamedTuple

from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.composites import CONV, LINEAR


class Fixed(NamedTuple):
    """What is known of a tensor that is the same for all pictures."""

    shape: tuple[int, ...]
    floating: bool


#: Describes a tensor that is the same for all pictures; ``None`` for any other one.
Look = Callable[[str], "Fixed | None"]


@dataclass(frozen=True)
class Chain:
    """A node with weights, and the nodes that scale or shift each of its output channels.

    Attributes
    ----------
    node : Node
        The node with weights.
    data : str
        Tensor that carries the signal into it.
    weight, bias : str
        Its parameters; the bias may be empty.
    affine : tuple of Node
        What scales or shifts its output, in order.
    """

    node: Node
    data: str
    weight: str
    bias: str = ""
    affine: tuple[Node, ...] = ()

    @property
    def tensors(self) -> tuple[str, ...]:
        """Output of each node, in order."""
        return tuple(n.output for n in (self.node, *self.affine))

    @property
    def output(self) -> str:
        """The last one."""
        return self.tensors[-1]

    @property
    def output_axis(self) -> int:
        """Axis of the weight along which the output channels lie."""
        if self.node.op_type == "Conv":
            return 0
        if self.node.op_type == "ConvTranspose":
            return 1
        return 0 if self.node.op_type == "Gemm" and self.node.attributes.get("transB", 0) else 1


def weighted_chain(
    graph: Graph,
    node: Node,
    look: Look,
    dynamic: AbstractSet[str],
    starts: AbstractSet[str] = frozenset(),
) -> Chain | None:
    """Describe a node with constant weights, or return ``None`` if it is none.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    node : Node
        Any node.
    look : callable
        Describes the tensors that are the same for all pictures.
    dynamic : set of str
        Tensors that depend on the explained input.
    starts : set of str, optional
        Tensors at which relevance starts: nothing after them is merged.
    """
    if node.domain or node.op_type not in CONV | LINEAR:
        return None
    data = [i for i in node.inputs if i in dynamic]
    if len(data) != 1 or (node.op_type != "MatMul" and data[0] != node.inputs[0]):
        return None
    fixed = [i for i in node.inputs if i and i != data[0]]
    if any(look(i) is None for i in fixed):
        return None
    chain = Chain(node, data[0], fixed[0], fixed[1] if len(fixed) > 1 else "")
    while (after := _next(graph, chain, look, starts)) is not None:
        chain = replace(chain, affine=(*chain.affine, after))
    return chain


def _next(graph: Graph, chain: Chain, look: Look, starts: AbstractSet[str]) -> Node | None:
    """The node after a chain, if scaling or shifting each channel is all that it does."""
    readers = graph.consumers.get(chain.output, ())
    ends = starts | {o.name for o in graph.outputs}
    if len(readers) != 1 or chain.output in ends or not _mergeable(chain, look):
        return None
    return readers[0] if _is_affine(readers[0], chain, look) else None


def _mergeable(chain: Chain, look: Look) -> bool:
    node = chain.node
    if node.op_type == "Gemm":
        bias = look(chain.bias) if chain.bias else None
        return bias is None or len(bias.shape) == 1
    if node.op_type == "ConvTranspose":
        return bool(node.attributes.get("group", 1) == 1)
    if node.op_type == "MatMul":
        # Only x @ W with a matrix: its columns are the output channels.
        weight = look(chain.weight)
        return node.inputs[0] == chain.data and weight is not None and len(weight.shape) == 2
    return True


def _is_affine(node: Node, chain: Chain, look: Look) -> bool:
    if node.domain or any(i and i != chain.output and look(i) is None for i in node.inputs):
        return False
    if node.op_type == "BatchNormalization" and node.inputs[0] == chain.output:
        gamma = look(node.inputs[1])
        # Otherwise every place has statistics of its own.
        return gamma is not None and len(gamma.shape) == 1
    if node.op_type not in ("Add", "Mul") or len(set(node.inputs)) != 2:
        return False
    constant, weight = look(operand(node, chain)), look(chain.weight)
    assert constant is not None
    assert weight is not None
    if not constant.floating:
        return False
    size, shape = math.prod(constant.shape), constant.shape
    if size == 1:
        return True
    # Channels are followed by the spatial axes in a convolution, and last otherwise.
    after = len(weight.shape) - 2 if chain.node.op_type in CONV else 0
    position = len(shape) - 1 - after
    channels = weight.shape[chain.output_axis]
    return position >= 0 and shape[position] == channels == size


def operand(node: Node, chain: Chain) -> str:
    """The constant that an Add or Mul of a chain reads.

    Parameters
    ----------
    node : Node
        The Add or Mul.
    chain : Chain
        The chain that it belongs to.
    """
    inside = set(chain.tensors)
    return next(i for i in node.inputs if i not in inside)
