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

from collections.abc import Mapping, Sequence, Set
from typing import Any

import torch
from torch import Tensor

from onnxplain.convert.program import Program
from onnxplain.convert.step import Step
from onnxplain.graph.view import Graph
from onnxplain.relevance.kinds import Rectification
from onnxplain.relevance.relu_like import activation_roots, no_node, no_relu_like, refuse_inside
from onnxplain.relevance.resample import Resampled, is_strided


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
        Leave no grid after strided convolutions; see `onnxplain.relevance.resample`.

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
    roots = activation_roots(graph, dynamic)
    own_pass = is_strided if resample else no_node
    values: dict[str, Tensor] = {**program.constants(), **feeds}
    needed = set().union(*map(graph.ancestors, names))
    writers = {name: step for step in program.steps for name in step.outputs}
    filtered = 0
    for step in program.steps:
        if not needed.intersection(step.outputs):
            continue
        values.update(zip(step.outputs, step.run(values), strict=False))
        if not dynamic.isdisjoint(step.outputs):
            refuse_inside(graph, step.node, mode, own_pass)
        if resample and is_strided(step.node) and step.inputs[0] in dynamic:
            x, weight = (values[name] for name in step.inputs[:2])
            y = values[step.outputs[0]].detach()
            values[step.outputs[0]] = Resampled.apply(x, weight, y, step.node)
        output = step.outputs[0]
        root = roots.get(output, "")
        if not root or not values[root].requires_grad:
            continue
        # Whole numbers count in steps of the scale.
        slope = 1 / values[step.inputs[1]] if step.node.op_type == "QuantizeLinear" else None
        if mode == "guided":
            slope = _slope(writers, values, root, output, dynamic).clamp(min=0)
        signed = mode == "linear"
        values[output] = _Rectified.apply(values[root], values[output].detach(), slope, signed)
        filtered += 1
    if not filtered and mode != "linear":
        raise no_relu_like(mode)
    return {name: values[name] for name in names}, filtered


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
