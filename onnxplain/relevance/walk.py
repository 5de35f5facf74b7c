"""The one reverse walk: relevance from the output to the input, node by node.

No hooks and no canonizers: ONNX nodes are unique, and relevance is kept by tensor name, so
any tensor's relevance and every node's leak can be read off. AttnLRP, whose propositions
the operator rules cite, is Achtibat et al. 2024, arXiv:2402.05602.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import torch
from torch import Tensor

from onnxplain.convert.program import Program
from onnxplain.convert.step import Step
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.graph.view import Graph
from onnxplain.relevance.composites import Composite, RuleUse
from onnxplain.relevance.gates import self_gates
from onnxplain.relevance.growth import Growth, GrowthMeter
from onnxplain.relevance.leak import Leak
from onnxplain.relevance.merge import WeightedNode, weighted_node
from onnxplain.relevance.operators import Shares, propagate
from onnxplain.relevance.record import Record, record_steps
from onnxplain.relevance.rule_plan import planned_rules
from onnxplain.relevance.signed_rules import RULES
from onnxplain.relevance.sites import sites

# From the values of the tensors at which relevance starts to the relevance of each.
Start = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]


@dataclass(frozen=True)
class Walked:
    """Result of one reverse walk.

    Attributes
    ----------
    outputs : mapping of str to Tensor
        Values of the tensors at which relevance started.
    relevance : mapping of str to Tensor
        Relevance of the tensors asked for; zeros where none arrived.
    leaks : tuple of Leak
        One for each node that relevance passed, largest magnitude first.
    growth : Growth
        How far it grew in magnitude.
    """

    outputs: Mapping[str, Tensor]
    relevance: Mapping[str, Tensor]
    leaks: tuple[Leak, ...]
    growth: Growth


@dataclass(frozen=True)
class _Passed:
    """A forward pass and what the walks back from its output have in common."""

    values: Mapping[str, Tensor]
    composite: Composite
    plan: Mapping[str, RuleUse]
    boxes: Mapping[str, tuple[Tensor, Tensor]]
    names: Sequence[str]
    masks: Mapping[str, Tensor]
    last: AbstractSet[str]


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
    starts : set of str, optional
        Tensors at which relevance starts: no weighted node is merged with what follows them.
    """

    def __init__(
        self,
        graph: Graph,
        program: Program,
        image: str,
        starts: AbstractSet[str] = frozenset(),
    ) -> None:
        self._graph = graph
        self._program = program
        self._image = image
        dynamic = graph.descendants([image])
        self._dynamic = dynamic
        self._gates = self_gates(graph, dynamic)
        self._constants = program.fixed_values()
        weighted = (
            weighted_node(graph, s, self._constants, dynamic, starts) for s in program.steps
        )
        self._weighted: dict[str, WeightedNode] = {w.output: w for w in weighted if w is not None}
        internal = {name for w in self._weighted.values() for name in w.internal}
        self._own_pass = internal.union(self._weighted)
        self._chains = {
            w.step.node.output: (*w.internal, w.output) for w in self._weighted.values()
        }

    def walk(
        self,
        feeds: Mapping[str, Tensor],
        outputs: Sequence[str],
        seeds: Sequence[Start],
        composite: Composite,
        names: Sequence[str],
        keep: Mapping[str, Tensor] | None = None,
    ) -> list[Walked]:
        """Propagate relevance from `outputs` down to the input, once for each seed.

        Parameters
        ----------
        feeds : mapping of str to Tensor
            All graph inputs.
        outputs : sequence of str
            Tensors at which relevance may start.
        seeds : sequence of callable
            Each turns their values into the relevance of some of them, in their shapes. All
            share the forward pass.
        composite : Composite
            Rules of the weighted nodes.
        names : sequence of str
            Tensors whose relevance is returned.
        keep : mapping of str to Tensor, optional
            For some tensors, a factor on their relevance, such as one for the channels of
            a concept and zero for all others.

        Raises
        ------
        MethodRefusedError
            If a node on the way has no rule, or one that cannot stand there.
        """
        if inside := {n for n in outputs if self._end_of_chain(n) != n}:
            parted = Walker(self._graph, self._program, self._image, inside)
            return parted.walk(feeds, outputs, seeds, composite, names, keep)
        masks = {self._end_of_chain(n): mask for n, mask in (keep or {}).items()}
        found = sites(self._graph, self._dynamic, self._chains, outputs)
        plan = planned_rules(composite, found, self._chains)
        boxes = self._boxes(composite, plan, feeds)
        needed = set().union(*map(self._graph.ancestors, [*outputs, *names, *masks]))
        values, records = record_steps(
            self._program, feeds, self._constants, needed, self._dynamic, self._own_pass
        )
        vanished = [n for n in (*names, *masks) if n not in values]
        if vanished:
            raise UsageError(
                f"tensor {vanished[0]!r} lies inside a group that is treated as one node; choose "
                "a tensor before or after it"
            )
        last = {self._chains[n][-1] for n, site in found.items() if "last" in site.positions}
        passed = _Passed(values, composite, plan, boxes, names, masks, last)
        ends = {n: values[n] for n in outputs}
        walked = []
        for k, seed in enumerate(seeds, 1):
            # The last walk gives each step's memory back as it goes.
            own = records if k == len(seeds) else dict(records)
            walked.append(self._back(passed, own, ends, seed(ends)))
        return walked

    def _back(
        self,
        passed: _Passed,
        records: dict[str, Record],
        ends: Mapping[str, Tensor],
        start: Mapping[str, Tensor],
    ) -> Walked:
        """Walk back from the start, and take the records of the steps met out of `records`."""
        values, names, masks = passed.values, passed.names, dict(passed.masks)
        R: dict[str, Tensor] = dict(start)
        leaks: list[Leak] = []
        meter = GrowthMeter(_magnitude(start.values()))
        found: dict[str, Tensor] = {}
        for step in reversed(self._program.steps):
            arrived = [_take(R, o, masks) for o in step.outputs]
            if all(r is None for r in arrived):
                continue
            here = dict(zip(step.outputs, arrived, strict=True))
            if step.outputs[0] in self._weighted:
                here |= dict.fromkeys(self._weighted[step.outputs[0]].internal, arrived[0])
            found |= {n: r for n, r in here.items() if r is not None and n in names}
            shares = self._shares(step, arrived, passed, records.pop(step.outputs[0], None))
            for name, share in shares.items():
                R[name] = R[name] + share if name in R else share
            at, kind = step.outputs[0], step.node.op_type
            leaks.append(Leak(at, kind, _absorbed(arrived, shares)))
            if not _handed_on(arrived, shares):
                taken, given = _magnitude(arrived), _magnitude(shares.values())
                meter.add(at, kind, taken, given, last=at in passed.last)
                if len(R) == 1:
                    meter.passed(_magnitude(R.values()))
        found |= {n: r for n in list(R) if (r := _take(R, n, masks)) is not None and n in names}
        if masks:
            raise UsageError(
                f"no relevance arrives at tensor {next(iter(masks))!r}: choose another"
            )
        missing = {n: torch.zeros_like(values[n]) for n in names if n not in found}
        leaks.sort(key=lambda leak: -abs(leak.absorbed))
        return Walked(ends, found | missing, tuple(leaks), meter.result())

    def _end_of_chain(self, name: str) -> str:
        """Tensor at which a tensor inside of a merged chain has its relevance."""
        return next((w.output for w in self._weighted.values() if name in w.internal), name)

    def _boxes(
        self, composite: Composite, plan: Mapping[str, RuleUse], feeds: Mapping[str, Tensor]
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Bounds of what z-box nodes read: those of the input, carried through the graph."""
        data = [self._weighted[n].data for n, use in plan.items() if use.rule == "z-box"]
        if not data:
            return {}
        if composite.bounds is None:
            raise UsageError("rule z-box needs the bounds of the input: Composite.within(bounds)")
        x = feeds[self._image]
        ends = []
        with torch.no_grad():
            for bound in composite.bounds:
                image = torch.from_numpy(bound).to(x).expand_as(x).contiguous()
                ends.append(self._program.run({**feeds, self._image: image}, data))
        low, high = ends
        # A negative factor on the way exchanges them.
        return {n: (low[n].minimum(high[n]), low[n].maximum(high[n])) for n in data}

    def _support(self, data: str, values: Mapping[str, Tensor]) -> Tensor:
        """One where a weighted node reads the signal, zero where a Pad node made it wider."""
        pad = next((s for s in self._program.steps if s.outputs[0] == data), None)
        if pad is None or pad.node.op_type != "Pad" or _repeats(pad):
            return torch.ones_like(values[data])
        source = torch.ones_like(values[pad.inputs[0]])
        with torch.no_grad():
            return (pad.run({**values, pad.inputs[0]: source})[0] == 1).to(source)

    def _shares(
        self, step: Step, arrived: list[Tensor | None], passed: _Passed, record: Record | None
    ) -> Shares:
        name = step.outputs[0]
        first = arrived[0]
        composite, values = passed.composite, passed.values
        if name in self._gates and first is not None:
            return {self._gates[name]: first}
        if name in self._weighted and first is not None:
            node = self._weighted[name]
            use = passed.plan.get(name) or RuleUse("epsilon", {"epsilon": composite.epsilon})
            extra: dict[str, Tensor] = {}
            if use.rule == "z-box":
                extra["low"], extra["high"] = passed.boxes[node.data]
            elif use.rule in ("flat", "w-square"):
                extra["support"] = self._support(node.data, values)
            return _weighted_share(node, first, values, use, extra)
        if record is None:
            return {}  # no signal arrives here: the relevance stays with the constants
        full = [
            torch.zeros_like(y) if r is None else r
            for r, y in zip(arrived, record.outputs, strict=False)
        ]
        use_here = passed.plan.get(name)
        return propagate(self._graph, record, full, composite.epsilon, use_here, composite.unknown)


def _handed_on(arrived: Sequence[Tensor | None], shares: Shares) -> bool:
    """Whether a node hands on the very tensor that it got, as most do."""
    taken, given = [r for r in arrived if r is not None], list(shares.values())
    return len(taken) == len(given) == 1 and taken[0] is given[0]


def _absorbed(arrived: Sequence[Tensor | None], shares: Shares) -> float:
    if _handed_on(arrived, shares):
        return 0.0  # no need to sum it twice
    return sum(float(r.sum()) for r in arrived if r is not None) - sum(
        float(s.sum()) for s in shares.values()
    )


def _magnitude(parts: Iterable[Tensor | None]) -> float:
    return sum(float(torch.linalg.vector_norm(p, 1)) for p in parts if p is not None)


def _repeats(pad: Step) -> bool:
    """Whether a Pad node fills up with copies of its input."""
    return pad.node.attributes.get("mode", "constant") != "constant"


def _take(R: dict[str, Tensor], name: str, masks: dict[str, Tensor]) -> Tensor | None:
    """Remove a tensor's relevance from those that wait, and lay its mask over it."""
    relevance = R.pop(name, None)
    return relevance * masks.pop(name) if relevance is not None and name in masks else relevance


def _weighted_share(
    node: WeightedNode,
    R: Tensor,
    values: Mapping[str, Tensor],
    use: RuleUse,
    extra: Mapping[str, Tensor],
) -> Shares:
    if use.rule not in RULES:
        raise MethodRefusedError(
            f"rule {use.rule} cannot stand at {node.step.node}, which has weights; rules with "
            f"weights: {', '.join(RULES)}"
        )
    x, y = values[node.data], values[node.output]
    if use.rule == "pass" and x.shape != y.shape:
        raise MethodRefusedError(
            f"rule pass cannot stand at {node.step.node}: its input has the shape "
            f"{list(x.shape)}, its output {list(y.shape)}"
        )
    share = RULES[use.rule](node.layer, x, node.weight, node.bias, y, R, **use.parameters, **extra)
    return {node.data: share}
