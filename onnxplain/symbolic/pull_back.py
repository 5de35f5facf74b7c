"""The way back through a graph: one rule after the other, from seeds to named tensors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from onnxplain.errors import ConversionError
from onnxplain.graph.operators import Trait, having
from onnxplain.graph.view import Graph, Node
from onnxplain.symbolic.back import Back
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.facts import Facts
from onnxplain.symbolic.rules import RULES

_NO_SIGNAL = having(Trait.NO_SIGNAL)
# These write integers that stand for a signal.
_QUANTISE = frozenset({"QuantizeLinear", "DynamicQuantizeLinear"})


def pull_back(
    graph: Graph,
    facts: Facts,
    build: Builder,
    seeds: Mapping[str, str],
    names: Sequence[str],
    copies: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Write the derivatives of a sum with respect to some tensors.

    Parameters
    ----------
    graph : Graph
        A prepared graph of opset 16 or newer.
    facts : Facts
        What is known of its tensors.
    build : Builder
        Where the nodes go.
    seeds : mapping of str to str
        For each tensor at which a derivative starts the tensor that holds it.
    names : sequence of str
        Tensors whose derivatives are wanted.
    copies : mapping of str to str, optional
        Where tensors of the graph stand under another name in what is written.

    Returns
    -------
    dict of str to str
        The tensors that hold the derivatives.

    Raises
    ------
    ConversionError
        If an operator on the way has no rule, or not for what its attributes ask for, or if a
        named tensor has no influence that has a slope.
    """
    found = slopes_that_arrive(graph, facts, build, seeds, names, copies)
    for name in names:
        if name not in found:
            raise ConversionError(
                f"tensor {name!r} has no influence on the explained score that has a slope; name "
                "another one with --layer"
            )
    return found


def slopes_that_arrive(
    graph: Graph,
    facts: Facts,
    build: Builder,
    seeds: Mapping[str, str],
    names: Sequence[str],
    copies: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Do as `pull_back`, but leave out tensors that no derivative reaches: theirs is zero."""
    found: dict[str, list[str]] = {name: [slope] for name, slope in seeds.items()}
    needed = signals_between(graph, facts, seeds, names)
    nodes = [n for n in reversed(graph.nodes) if needed.intersection(n.outputs)]
    _require_rules([n for n in nodes if needed.intersection(n.reads)])
    for node in nodes:
        slopes = tuple(total(build, found, o) if o in needed else None for o in node.outputs)
        if all(s is None for s in slopes) or not needed.intersection(node.reads):
            continue
        back = Back(graph, facts, build, node, copies or {}, slopes, needed)
        for name, slope in zip(node.inputs, RULES[node.operator](back), strict=False):
            if slope is not None and name in needed:
                found.setdefault(name, []).append(slope)
    return {name: str(total(build, found, name)) for name in names if name in found}


def signals_between(
    graph: Graph, facts: Facts, seeds: Iterable[str], names: Iterable[str]
) -> set[str]:
    """Tensors between `names` and the seeds that a derivative passes.

    Parameters
    ----------
    graph, facts
        See `pull_back`.
    seeds, names : iterable of str
        Tensors at which derivatives start, and whose derivatives are wanted.
    """
    upstream = set[str]()
    for seed in seeds:
        upstream |= graph.ancestors(seed)
    reached = set(names)
    for node in graph.nodes:
        if not upstream.intersection(node.outputs):
            continue
        if node.operator not in _NO_SIGNAL and reached.intersection(node.reads):
            carries = node.outputs[:1] if node.op_type in _QUANTISE else node.outputs
            signal = any(facts.types[n].kind in "iu" for n in node.inputs if n in reached)
            reached.update(
                o
                for o in carries
                if o and (signal or node.op_type in _QUANTISE or facts.types[o].kind not in "iub")
            )
    return reached & upstream


def _require_rules(nodes: Sequence[Node]) -> None:
    missing = {n.operator: n for n in reversed(nodes) if n.operator not in RULES}
    if missing:
        named = ", ".join(f"{operator} ({node.output!r})" for operator, node in missing.items())
        raise ConversionError(
            f"no derivative in ONNX nodes is known for {named}; `explain` runs the model in PyTorch"
        )


def total(build: Builder, found: dict[str, list[str]], name: str) -> str | None:
    """Write the sum of all that arrived at a tensor; ``None`` if nothing did.

    Parameters
    ----------
    build : Builder
        Where the nodes go.
    found : mapping of str to list of str
        What arrived, by tensor.
    name : str
        The tensor.
    """
    parts = found.get(name, [])
    while len(parts) > 1:
        parts[:2] = [build.add("Add", parts[0], parts[1])]
    return parts[0] if parts else None
