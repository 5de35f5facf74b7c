"""Which converter an operator has in the version that a graph selects, and which have none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from onnx import defs

from onnxplain.convert.aliases import ALIASES
from onnxplain.convert.operators import MICROSOFT, OURS, STOCK
from onnxplain.graph.bodies import nodes_with_bodies
from onnxplain.graph.view import Graph, Node


@dataclass(frozen=True, order=True)
class Operator:
    """An operator in the version that a graph's opset selects."""

    domain: str
    op_type: str
    version: int

    def __str__(self) -> str:
        prefix = f"{self.domain}::" if self.domain else ""
        return f"{prefix}{self.op_type}-{self.version}"


EXTENSIONS: dict[Operator, Callable[[Node], Any]] = {}
"""What users registered, see `onnxplain.convert.extensions`: the function makes the module."""


@cache
def _since_version(domain: str, op_type: str, opset: int) -> int:
    try:
        return defs.get_schema(op_type, opset, domain).since_version
    except defs.SchemaError:
        return opset


def operator_of(node: Node, graph: Graph) -> Operator:
    """Operator and version of one node of `graph`."""
    opset = graph.opsets.get(node.domain, 1)
    return Operator(node.domain, node.op_type, _since_version(node.domain, node.op_type, opset))


@cache
def _targets() -> Mapping[Operator, str]:
    standard = {
        Operator("", op_type, version): target
        for target, covered in OURS.items()
        for op_type, versions in covered.items()
        for version in versions
    }
    microsoft = {
        Operator("com.microsoft", op_type, 1): target
        for target, covered in MICROSOFT.items()
        for op_type in covered
    }
    return {**standard, **microsoft}


def target_of(operator: Operator) -> str | None:
    """Name of our converter, as ``"file.function"``; None if we have none."""
    return _targets().get(operator)


def stock_version(operator: Operator) -> int | None:
    """Version under which onnx2torch has a converter of the same meaning, or None."""
    if operator.domain:
        return None
    if operator.version in STOCK.get(operator.op_type, ()):
        return operator.version
    return ALIASES.get((operator.op_type, operator.version))


def is_covered(operator: Operator) -> bool:
    """Whether this package or onnx2torch converts `operator`; extensions do not count."""
    return target_of(operator) is not None or stock_version(operator) is not None


def count_missing(graph: Graph) -> Iterator[tuple[Operator, int, str]]:
    """Operators that do not convert, with how many nodes use them and the first tensor.

    The bodies of If, Loop and Scan count as well.
    """
    counts: Counter[Operator] = Counter()
    first: dict[Operator, str] = {}
    for node, place in nodes_with_bodies(graph):
        operator = operator_of(node, place)
        if operator not in EXTENSIONS and not is_covered(operator):
            counts[operator] += 1
            first.setdefault(operator, node.output)
    for operator in sorted(counts):
        yield operator, counts[operator], first[operator]


def missing_operators(graph: Graph) -> list[str]:
    """Operators of `graph` that do not convert to PyTorch.

    Returns
    -------
    list of str
        Sorted and unique, such as ``"SequenceAt-11"`` or ``"com.microsoft::NGramRepeatBlock-1"``;
        empty if everything converts. A listed operator may still be refused by `to_torch`
        in a rare form, which its message then names.
    """
    return [str(operator) for operator, _, _ in count_missing(graph)]
