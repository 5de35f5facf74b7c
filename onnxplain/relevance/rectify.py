"""Gradients that pass ReLU-like nodes in another way: guided backpropagation, deconvnet, CLEAR.

With x the input of an activation y = f(x) and G the gradient at y, the gradient at x is
``f'(x) G`` ordinarily, ``relu(G)`` in a deconvnet (Zeiler, Fergus 2014, arXiv:1311.2901)
and ``relu(G) max(f'(x), 0)`` in guided backpropagation (Springenberg et al. 2015,
arXiv:1412.6806). For ReLU this is exactly what the papers do; for its generalisations the
sign filter is kept and f' takes the place of the step. The back-projection of CLEAR (Kumar,
Wong, Taylor 2017, arXiv:1704.04133) is linear: it holds transposed convolutions and
unpooling only, so activations hand ``G`` on as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import torch
from torch import Tensor

from onnxplain.convert.program import Program, Step
from onnxplain.errors import MethodRefusedError
from onnxplain.graph.bodies import bodies_of
from onnxplain.graph.operators import Trait, having
from onnxplain.graph.rectifiers import rectified_root
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.bodies import refusal
from onnxplain.relevance.gates import self_gates
from onnxplain.relevance.kinds import Rectification
from onnxplain.relevance.resample import Resampled, is_strided

_RELU_LIKE = having(Trait.RELU_LIKE)


class _Rectified(torch.autograd.Function):
    """y with the gradient of its activation replaced."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, slope: Tensor | None, signed: bool) -> Tensor:
        ctx.slope, ctx.signed = slope, signed
        return y.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple[Tensor, None, None, None]:
        kept = gradients[0] if ctx.signed else gradients[0].clamp(min=0)
        return kept if ctx.slope is None else kept * ctx.slope, None, None, None


def run_rectified(
    graph: Graph,
    program: Program,
    image: str,
    feeds: Mapping[str, Tensor],
    names: Sequence[str],
    mode: Rectification,
    *,
    resample: bool = False,
) -> tuple[dict[str, Tensor], int]:
    """Compute tensors whose autograd graph treats ReLU-like nodes in its own way.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    program : Program
        The same graph in PyTorch.
    image : str
        Name of the explained input; its feed requires gradients.
    feeds : mapping of str to Tensor
        All graph inputs.
    names : sequence of str
        Tensors wanted.
    mode : {"guided", "deconvnet", "linear"}
        Which way.
    resample : bool
        Leave no grid behind strided convolutions; see `onnxplain.relevance.resample`.

    Returns
    -------
    dict of str to Tensor
        The tensors, attached to the feeds.
    int
        Number of such nodes.

    Raises
    ------
    MethodRefusedError
        If a filter is asked for and there is no ReLU-like node: nothing would differ from
        the gradient; or if such a node stands inside of an If, Loop or Scan.
    """
    dynamic = graph.descendants([image])
    roots = {_scaled(graph, y): root for y, root in self_gates(graph, dynamic).items()}
    values: dict[str, Tensor] = {**program.constants(), **feeds}
    needed = set().union(*map(graph.ancestors, names))
    writers = {name: step for step in program.steps for name in step.outputs}
    filtered = 0
    for step in program.steps:
        if not needed.intersection(step.outputs):
            continue
        values.update(zip(step.outputs, step.run(values), strict=False))
        if not dynamic.isdisjoint(step.outputs):
            _refuse_inner(graph, step.node, mode, resample)
        if resample and is_strided(step.node) and step.inputs[0] in dynamic:
            x, weight = (values[name] for name in step.inputs[:2])
            y = values[step.outputs[0]].detach()
            values[step.outputs[0]] = Resampled.apply(x, weight, y, step.node)
        root = _root(graph, step.node, roots)
        if root not in dynamic or not values[root].requires_grad:
            continue
        output = step.outputs[0]
        # Whole numbers count in steps of the scale.
        slope = 1 / values[step.inputs[1]] if step.node.op_type == "QuantizeLinear" else None
        if mode == "guided":
            slope = _slope(writers, values, root, output, dynamic).clamp(min=0)
        signed = mode == "linear"
        values[output] = _Rectified.apply(values[root], values[output].detach(), slope, signed)
        filtered += 1
    if not filtered and mode != "linear":
        raise MethodRefusedError(
            f"{mode} backpropagation needs ReLU-like activations, and this model has none: it "
            "would equal the gradient; use gradient or integrated-gradients"
        )
    return {name: values[name] for name in names}, filtered


def _refuse_inner(graph: Graph, node: Node, mode: str, resample: bool) -> None:
    """Refuse bodies of an If, Loop or Scan that hold what this pass treats in its own way."""
    found = sorted(set(_treated_inside(graph, node, resample)))
    if found:
        raise refusal(node, found, f"{mode} backpropagation")


def _treated_inside(graph: Graph, node: Node, resample: bool) -> Iterator[str]:
    for body in bodies_of(node, graph).values():
        gates = self_gates(body, body.descendants_of_inputs)
        roots = {_scaled(body, y): root for y, root in gates.items()}
        for inner in body.nodes:
            if _root(body, inner, roots) or (resample and is_strided(inner)):
                yield inner.operator
            yield from _treated_inside(body, inner, resample)


def _root(graph: Graph, node: Node, roots: Mapping[str, str]) -> str:
    """Tensor that a ReLU-like node or region is a function of; empty for any other node."""
    if node.operator in _RELU_LIKE:
        return node.inputs[0]
    if node.op_type == "Clip" and not node.domain:
        low = node.attributes.get("min")
        if len(node.inputs) > 1 and graph.is_constant(node.inputs[1]):
            low = float(graph.constant(node.inputs[1]))
        return node.inputs[0] if low == 0 else ""
    if node.op_type == "QuantizeLinear":
        return rectified_root(graph, node)
    # SiLU, GELU and the like, written as products of a tensor with a function of itself.
    return roots.get(node.output, "")


def _scaled(graph: Graph, tensor: str) -> str:
    """Output of a region with the constant factor behind it.

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


def _slope(
    writers: Mapping[str, Step],
    values: Mapping[str, Tensor],
    root: str,
    output: str,
    dynamic: Set[str],
) -> Tensor:
    """Derivative of `output` with respect to `root`, element by element.

    Only the steps between them are run again, on a copy of the root that leads nowhere.
    """
    with torch.enable_grad():
        leaf = values[root].detach().requires_grad_()
        local: dict[str, Tensor] = {root: leaf}

        def compute(name: str) -> Tensor:
            if name not in local and name not in dynamic:
                return values[name].detach()
            if name not in local:
                step = writers[name]
                operands = {n: compute(n) for n in step.inputs if n}
                local.update(zip(step.outputs, step.run(operands), strict=False))
            return local[name]

        y = compute(output)
    # No element depends on another, so the derivative of the sum is that of each.
    return torch.autograd.grad(y.sum(), leaf)[0]
