"""The one reverse walk: relevance from the output to the input, node by node.

No hooks and no canonizers: ONNX nodes are unique, and relevance is kept by tensor name, so
any tensor's relevance and every node's leak can be read off. AttnLRP, whose propositions
the operator rules cite, is Achtibat et al. 2024, arXiv:2402.05602.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from onnxplain.convert.program import Program, Step
from onnxplain.graph.view import Graph
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.gates import self_gates
from onnxplain.relevance.kinds import NORMALISING
from onnxplain.relevance.leak import Leak
from onnxplain.relevance.merge import WeightedNode, weighted_node
from onnxplain.relevance.operators import Record, Shares, propagate
from onnxplain.relevance.rules import RULES

Seed = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Walked:
    """Result of one reverse walk.

    Attributes
    ----------
    output : Tensor
        The seeded tensor's value.
    relevance : mapping of str to Tensor
        Relevance of the tensors asked for; zeros where none arrived.
    leaks : tuple of Leak
        One for each node that relevance passed, largest magnitude first.
    """

    output: Tensor
    relevance: Mapping[str, Tensor]
    leaks: tuple[Leak, ...]


class Walker:
    """Relevance propagation through one converted program.

    What depends on the graph only (gates, merged weights) is worked out once here; a walk
    leaves nothing behind.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    program : Program
        The same graph in PyTorch.
    image : str
        Name of the explained input.
    """

    def __init__(self, graph: Graph, program: Program, image: str) -> None:
        self._graph = graph
        self._program = program
        self._image = image
        dynamic = graph.descendants([image])
        self._dynamic = dynamic
        self._gates = self_gates(graph, dynamic)
        self._constants = program.fixed_values()
        weighted = (weighted_node(graph, s, self._constants, dynamic) for s in program.steps)
        self._weighted: dict[str, WeightedNode] = {w.output: w for w in weighted if w is not None}
        inner = {name for w in self._weighted.values() for name in w.inner}
        self._own_pass = inner.union(self._weighted)

    def walk(
        self,
        feeds: Mapping[str, Tensor],
        output: str,
        seed: Seed,
        composite: Composite,
        names: Sequence[str],
    ) -> Walked:
        """Propagate relevance from `output` down to the input.

        Parameters
        ----------
        feeds : mapping of str to Tensor
            All graph inputs.
        output : str
            Tensor at which relevance is seeded.
        seed : callable
            Turns the value of `output` into its relevance, of the same shape.
        composite : Composite
            Rules of the weighted nodes.
        names : sequence of str
            Tensors whose relevance is returned.

        Raises
        ------
        MethodRefusedError
            If a node on the way has no rule.
        """
        values, records = self._forward(feeds, [output, *names])
        R: dict[str, Tensor] = {output: seed(values[output])}
        leaks: list[Leak] = []
        kept = set(names)
        found: dict[str, Tensor] = {}
        for step in reversed(self._program.steps):
            arrived = [R.pop(o, None) for o in step.outputs]
            if all(r is None for r in arrived):
                continue
            found |= {
                o: r
                for o, r in zip(step.outputs, arrived, strict=True)
                if r is not None and o in kept
            }
            merged = self._weighted.get(step.outputs[0])
            if merged is not None and arrived[0] is not None:
                found |= {name: arrived[0] for name in merged.inner if name in kept}
            shares = self._shares(step, arrived, values, records, composite)
            for name, share in shares.items():
                R[name] = R[name] + share if name in R else share
            taken = sum(float(r.sum()) for r in arrived if r is not None)
            given = sum(float(s.sum()) for s in shares.values())
            leaks.append(Leak(step.outputs[0], step.node.op_type, taken - given))
        found |= {n: r for n, r in R.items() if n in kept}
        missing = {n: torch.zeros_like(values[n]) for n in names if n not in found}
        leaks.sort(key=lambda leak: -abs(leak.absorbed))
        return Walked(values[output], found | missing, tuple(leaks))

    def _forward(
        self, feeds: Mapping[str, Tensor], tensors: Sequence[str]
    ) -> tuple[dict[str, Tensor], dict[str, Record]]:
        values: dict[str, Tensor] = dict(feeds) | self._constants
        records: dict[str, Record] = {}
        needed = set().union(*map(self._graph.ancestors, tensors))
        for step in self._program.steps:
            if step.outputs[0] in self._constants or not needed.intersection(step.outputs):
                continue
            operands = [values[n] if n else None for n in step.inputs]
            record = self._record(step, operands)
            for name, value in zip(step.outputs, record.outputs, strict=False):
                if name:
                    values[name] = value.detach()
            if any(y.requires_grad for y in record.outputs):
                records[step.outputs[0]] = record
        return values, records

    def _record(self, step: Step, operands: list[Tensor | None]) -> Record:
        carries = [
            v is not None and n in self._dynamic and v.is_floating_point()
            for n, v in zip(step.inputs, operands, strict=True)
        ]
        # A weighted node's rule builds the passes that it needs from weights of its own.
        own_pass = step.outputs[0] in self._own_pass or not any(carries)
        leaves = [
            v.detach().requires_grad_() if c and v is not None and not own_pass else v
            for v, c in zip(operands, carries, strict=True)
        ]
        with torch.set_grad_enabled(not own_pass):
            if step.node.op_type in NORMALISING and not step.node.domain:
                result = _normalise_with_fixed_scale(step, leaves)
            else:
                result = step.module(*leaves)
        outputs = tuple(result) if isinstance(result, (tuple, list)) else (result,)
        return Record(step, tuple(leaves), outputs)

    def _shares(
        self,
        step: Step,
        arrived: list[Tensor | None],
        values: Mapping[str, Tensor],
        records: Mapping[str, Record],
        composite: Composite,
    ) -> Shares:
        name = step.outputs[0]
        first = arrived[0]
        if name in self._gates and first is not None:
            return {self._gates[name]: first}
        if name in self._weighted and first is not None:
            return self._weighted_share(self._weighted[name], first, values, composite)
        if name not in records:
            return {}  # no signal arrives here: the relevance stays with the constants
        record = records[name]
        full = [
            torch.zeros_like(y) if r is None else r
            for r, y in zip(arrived, record.outputs, strict=False)
        ]
        return propagate(self._graph, record, full, composite.epsilon)

    def _weighted_share(
        self,
        node: WeightedNode,
        R: Tensor,
        values: Mapping[str, Tensor],
        composite: Composite,
    ) -> Shares:
        use = composite.rule_for(node.step.node)
        rule = RULES[use.rule]
        x, y = values[node.data], values[node.output]
        share = rule(node.layer, x, node.weight, node.bias, y, R, **use.parameters)
        return {node.data: share}


def _normalise_with_fixed_scale(step: Step, operands: Sequence[Tensor | None]) -> Tensor:
    """Layer or RMS normalisation whose 1/std is a constant (AttnLRP, proposition 3.4)."""
    x, scale, *rest = operands
    assert x is not None
    assert scale is not None
    bias = rest[0] if rest else None
    attributes = step.node.attributes
    axes = list(range(attributes.get("axis", -1) % x.dim(), x.dim()))
    centred = x
    if step.node.op_type == "LayerNormalization":
        centred = x - x.mean(axes, keepdim=True)
    power = centred.square().mean(axes, keepdim=True) + attributes.get("epsilon", 1e-5)
    y = centred / power.sqrt().detach() * scale
    return y if bias is None else y + bias
