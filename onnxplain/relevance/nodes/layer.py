"""A node with weights, written forwards and backwards with other operands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.chains import Chain, operand
from onnxplain.relevance.composites import CONV
from onnxplain.symbolic.back import Back
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.facts import Facts
from onnxplain.symbolic.rules import RULES

_BATCH_EPSILON = 1e-5


@dataclass(frozen=True)
class Layer:
    """A chain with its merged parameters.

    Called with an operator and what it reads, it writes a node, as `Back` does.

    Attributes
    ----------
    chain : Chain
        The chain.
    at : Back
        Its node, without the factors that the parameters contain.
    weight : str
        Merged weight.
    bias : str or None
        Merged bias, which broadcasts against the output.
    """

    chain: Chain
    at: Back
    weight: str
    bias: str | None

    def __call__(self, operator: str, *inputs: str | float) -> str:
        """Write a node and return its output."""
        return self.at(operator, *inputs)

    def forward(self, x: str, w: str, b: str | None) -> str:
        """Write the node with these operands."""
        node, build = self.at.node, self.at.build
        if node.op_type in CONV:
            operands = (x, w) if b is None else (x, w, b)
            return build.add(node.op_type, *operands, **node.attributes)
        order = (x, w) if node.inputs[0] == self.chain.data else (w, x)
        y = build.add(node.op_type, *order, **node.attributes)
        return y if b is None else build.add("Add", y, b)

    def back(self, w: str, slope: str) -> str:
        """Write the product of the transposed layer of a weight with `slope`."""
        names = {**self.at.names, self.chain.weight: w}
        at = replace(self.at, names=names, slopes=(slope,), needed={self.chain.data})
        found = RULES[at.node.operator](at)[at.node.inputs.index(self.chain.data)]
        assert found is not None
        return found


def write_layer(
    graph: Graph, facts: Facts, build: Builder, chain: Chain, names: Mapping[str, str]
) -> Layer:
    """Write the merged parameters of a chain, which ONNX Runtime computes once.

    Parameters
    ----------
    graph, facts, build
        See `onnxplain.symbolic.pull_back.pull_back`.
    chain : Chain
        The chain.
    names : mapping of str to str
        Where tensors of the graph have another name in what is written.
    """
    at = Back(graph, facts, build, _plain(chain.node), names, (), ())
    weight, bias = at.name(chain.weight), at.name(chain.bias) if chain.bias else None
    if chain.node.op_type == "Gemm":
        # A rule that looks at weights must see them as they act.
        weight = _scaled(at, weight, chain.node.attributes.get("alpha", 1.0))
        if bias is not None:
            bias = _scaled(at, bias, chain.node.attributes.get("beta", 1.0))
    shape = [1] * len(facts.shapes[chain.weight])
    shape[chain.output_axis] = -1
    for node in chain.affine:
        scale, shift = _affine(at, node, chain)
        if scale is not None:
            weight = at("Mul", weight, at("Reshape", scale, shape))
        if bias is not None:
            bias = at("Reshape", bias, [-1])
            bias = bias if scale is None else at("Mul", bias, scale)
        if shift is not None:
            bias = shift if bias is None else at("Add", bias, shift)
    if chain.affine and bias is not None and chain.node.op_type in CONV:
        # A single number holds for all channels.
        channels = facts.shapes[chain.weight][chain.output_axis]
        assert channels is not None
        bias = at("Expand", bias, [channels])
    return Layer(chain, at, weight, bias)


def _plain(node: Node) -> Node:
    if node.op_type != "Gemm":
        return node
    kept = {k: v for k, v in node.attributes.items() if k in ("transA", "transB")}
    return replace(node, attributes=MappingProxyType(kept))


def _scaled(at: Back, x: str, factor: float) -> str:
    return x if factor == 1.0 else at("Mul", x, float(factor))


def _affine(at: Back, node: Node, chain: Chain) -> tuple[str | None, str | None]:
    """Scale and shift of each channel."""
    if node.op_type == "BatchNormalization":
        gamma, beta, mean, variance = (at.name(n) for n in node.inputs[1:5])
        epsilon = node.attributes.get("epsilon", _BATCH_EPSILON)
        scale = at("Div", gamma, at("Sqrt", at("Add", variance, epsilon)))
        return scale, at("Sub", beta, at("Mul", mean, scale))
    vector = at("Reshape", at.name(operand(node, chain)), [-1])
    return (None, vector) if node.op_type == "Add" else (vector, None)
