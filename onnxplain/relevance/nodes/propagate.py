"""The way of the relevance through a graph, from where it starts to named tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.view import Graph, Node
from onnxplain.relevance.chains import Chain, Fixed, weighted_chain
from onnxplain.relevance.composites import Composite, RuleUse
from onnxplain.relevance.gates import self_gates
from onnxplain.relevance.manners import manner_of
from onnxplain.relevance.nodes.balance import Balance
from onnxplain.relevance.nodes.bounds import write_box, write_support
from onnxplain.relevance.nodes.layer import write_layer
from onnxplain.relevance.nodes.weighted import WEIGHTED
from onnxplain.relevance.nodes.weightless import write_shares
from onnxplain.relevance.rule_plan import planned_rules
from onnxplain.relevance.sites import sites
from onnxplain.symbolic.back import Back, is_half, slope_type
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.facts import Facts
from onnxplain.symbolic.pull_back import signals_between, total

Parts = dict[str, list[str]]


@dataclass(frozen=True)
class _Way:
    graph: Graph
    facts: Facts
    build: Builder
    image: str
    composite: Composite
    copies: Mapping[str, str]
    plan: Mapping[str, RuleUse]
    signals: AbstractSet[str]


def write_relevance(
    graph: Graph,
    facts: Facts,
    build: Builder,
    starts: Mapping[str, str],
    composite: Composite,
    names: Sequence[str],
    image: str,
    copies: Mapping[str, str] | None = None,
    balance: Balance | None = None,
) -> dict[str, str]:
    """Write the relevance of some tensors.

    Parameters
    ----------
    graph : Graph
        A prepared graph of opset 16 or newer, its fused and integer operators written out.
    facts : Facts
        What is known of its tensors.
    build : Builder
        Where the nodes go.
    starts : mapping of str to str
        For each tensor at which relevance starts the tensor that holds it.
    composite : Composite
        Rules of the nodes, with the bounds of the input if z-box is among them.
    names : sequence of str
        Tensors whose relevance is wanted.
    image : str
        Name of the explained input.
    copies : mapping of str to str, optional
        Where tensors of the graph stand under another name in what is written.
    balance : Balance, optional
        Takes in what each node gets and hands on.

    Returns
    -------
    dict of str to str
        The tensors that hold the relevance; zeros where none arrived.

    Raises
    ------
    MethodRefusedError
        If a node on the way has no rule, or one that cannot stand there.
    ConversionError
        If a rule cannot be written in ONNX nodes.
    """
    dynamic = graph.descendants([image])
    chains = _chains(graph, facts, dynamic, starts.keys())
    gates = self_gates(graph, dynamic)
    tensors = {c.node.output: c.tensors for c in chains.values()}
    ends = {n: c.output for c in chains.values() for n in c.tensors}
    found_sites = sites(graph, dynamic, tensors, list(starts))
    plan = planned_rules(composite, found_sites, tensors)
    signals = signals_between(graph, facts, starts, [image])
    way = _Way(graph, facts, build, image, composite, copies or {}, plan, signals)
    after = graph.descendants(names)
    last = {tensors[n][-1] for n, site in found_sites.items() if "last" in site.positions}
    found: Parts = {name: [R] for name, R in starts.items()}
    waiting = set(starts)
    for node in reversed(graph.nodes):
        arrived = tuple(total(build, found, o) for o in node.outputs)
        if all(R is None for R in arrived) or after.isdisjoint(node.outputs):
            continue
        first = arrived[0]
        if node.output in gates and first is not None:
            shares = {gates[node.output]: [first]}
        elif node.output in chains and first is not None:
            chain = chains[node.output]
            shares = {chain.data: [_weighted(way, chain, first)]}
        elif node.output in ends:
            shares = {}
        else:
            shares = _weightless(way, node, arrived)
        shares = {name: parts for name, parts in shares.items() if name in after}
        waiting.difference_update(node.outputs)
        for name, parts in shares.items():
            found.setdefault(name, []).extend(parts)
            waiting.add(name)
        if balance is not None:
            alone = total(build, found, *waiting) if len(waiting) == 1 else None
            balance.add(
                node.output, node.op_type, arrived, shares, last=node.output in last, passed=alone
            )
    return {n: total(build, found, ends.get(n, n)) or _zeros(way, n) for n in names}


def _chains(
    graph: Graph, facts: Facts, dynamic: AbstractSet[str], starts: AbstractSet[str]
) -> dict[str, Chain]:
    """All nodes with weights, by the last tensor of what is merged with each."""
    fixed = set(graph.constant_names)
    for node in graph.nodes:
        if node.inputs and fixed.issuperset(node.reads):
            fixed.update(node.outputs)

    def look(name: str) -> Fixed | None:
        shape = facts.shapes.get(name)
        if name not in fixed or shape is None or None in shape:
            return None
        return Fixed(tuple(d for d in shape if d is not None), _is_real(facts, name))

    found = (weighted_chain(graph, node, look, dynamic, starts) for node in graph.nodes)
    return {chain.output: chain for chain in found if chain is not None}


def _is_real(facts: Facts, name: str) -> bool:
    kind = facts.types[name]
    return kind.kind == "f" or kind.name == "bfloat16"


def _weighted(way: _Way, chain: Chain, R: str) -> str:
    use = way.plan.get(chain.output) or RuleUse("epsilon", {"epsilon": way.composite.epsilon})
    if use.rule not in WEIGHTED:
        raise MethodRefusedError(
            f"rule {use.rule} cannot stand at {chain.node}, which has weights; rules with "
            f"weights: {', '.join(WEIGHTED)}"
        )
    shapes = way.facts.shapes
    if use.rule == "pass" and shapes[chain.data] != shapes[chain.output]:
        raise MethodRefusedError(
            f"rule pass cannot stand at {chain.node}: its input has the shape "
            f"{list(shapes[chain.data])}, its output {list(shapes[chain.output])}"
        )
    layer = write_layer(way.graph, way.facts, way.build, chain, way.copies)
    extra = {}
    if use.rule == "z-box":
        box = write_box(way.graph, way.facts, way.build, chain.data, way.image, way.composite)
        extra["low"], extra["high"] = box
    elif use.rule in ("flat", "w-square"):
        support = write_support(way.graph, way.facts, way.build, chain.data, way.copies)
        extra["support"] = support
    if is_half(way.facts.types[chain.data]):  # relevance has a wider type, and rules compute in it
        extra = {key: layer.at.cast(bound) for key, bound in extra.items()}
    x, y = layer.at.name(chain.data), layer.at.name(chain.output)
    return WEIGHTED[use.rule](layer, x, y, R, **use.parameters, **extra)


def _weightless(way: _Way, node: Node, arrived: tuple[str | None, ...]) -> Parts:
    leaves = [k for k, n in enumerate(node.inputs) if n in way.signals]
    if not leaves:
        return {}  # no signal arrives here: the relevance stays with the constants
    composite, use = way.composite, way.plan.get(node.output)
    manner = manner_of(way.graph, node, leaves, composite.epsilon, use, composite.unknown)
    at = Back(way.graph, way.facts, way.build, node, way.copies, arrived, way.signals)
    shares: Parts = {}
    for k, share in write_shares(at, manner).items():
        name = node.inputs[k]
        own = _real_type(way.facts, name)
        if own != _real_type(way.facts, node.output):
            share = at.cast(share, own)
        shares.setdefault(name, []).append(share)
    return shares


def _real_type(facts: Facts, name: str) -> np.dtype:
    """Type of a tensor's relevance."""
    return slope_type(facts.types[name])


def _zeros(way: _Way, name: str) -> str:
    at = Back(way.graph, way.facts, way.build, way.graph.nodes[0], way.copies, (), ())
    return at.zeros(name)
