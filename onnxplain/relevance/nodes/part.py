"""The way of the relevance as a model of its own, which reads a forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnxplain.graph.view import Graph
from onnxplain.relevance.composites import Composite
from onnxplain.relevance.nodes.balance import Balance
from onnxplain.relevance.nodes.propagate import write_relevance
from onnxplain.symbolic.facts import Facts
from onnxplain.symbolic.part import WayBack, as_model, builder_beside


@dataclass(frozen=True, eq=False)
class RelevanceWay:
    """A model that takes relevance back.

    Attributes
    ----------
    back : WayBack
        The model; its seeds are the relevance at which the way starts.
    balance : Balance
        Reads what each node took in and handed on.
    sums : str
        The output that it reads.
    """

    back: WayBack
    balance: Balance
    sums: str


def relevance_way(
    graph: Graph,
    facts: Facts,
    starts: Sequence[str],
    composite: Composite,
    names: Sequence[str],
    image: str,
) -> RelevanceWay:
    """Write the model.

    Parameters
    ----------
    graph : Graph
        A prepared graph of opset 16 or newer.
    facts : Facts
        What is known of the tensors that `onnxplain.symbolic.part.between` lists.
    starts : sequence of str
        Tensors at which relevance may start.
    composite, names, image
        See `write_relevance`.

    Raises
    ------
    MethodRefusedError, ConversionError
        As `write_relevance`.
    """
    build = builder_beside(graph)
    seeds = {tensor: build.fresh("relevance") for tensor in starts}
    balance = Balance(build, seeds.values())
    found = write_relevance(graph, facts, build, seeds, composite, names, image, balance=balance)
    outputs = {name: build.add("Identity", R) for name, R in found.items()}
    sums = balance.write()
    return RelevanceWay(as_model(graph, facts, build, seeds, outputs, [sums]), balance, sums)
