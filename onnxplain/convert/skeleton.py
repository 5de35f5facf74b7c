"""The graph as onnx2torch gets to see it: structure only, with neutral names.

onnx2torch mixes up nodes, inputs and initializers of equal name, cannot name a module
after a domain with a dot in it, and copies initializers once for every use. In the
skeleton every name is unique and every initializer is a graph input, so that none of this
happens; nodes that our converters build carry no attributes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import onnx

from onnxplain.graph.view import Graph


def step_name(index: int) -> str:
    """Name of the skeleton's node for the node at `index`."""
    return f"step_{index}"


def module_path(domain: str, index: int) -> str:
    """Where onnx2torch puts the module of that node."""
    return f"{neutral_domain(domain)}/{step_name(index)}".lstrip("/")


def neutral_domain(domain: str) -> str:
    """Domain without dots."""
    return domain.replace(".", "_")


class Names:
    """Two-way renaming of tensors."""

    def __init__(self) -> None:
        self._forward: dict[str, str] = {}
        self._back: dict[str, str] = {"": ""}

    def neutral(self, name: str) -> str:
        """Skeleton name of a tensor; the empty name stays empty."""
        if not name:
            return ""
        if name not in self._forward:
            self._forward[name] = f"tensor_{len(self._forward)}"
            self._back[self._forward[name]] = name
        return self._forward[name]

    def original(self, neutral: str) -> str:
        """Name in the graph."""
        return self._back[neutral]


def build_skeleton(graph: Graph, names: Names, bare: Collection[int]) -> onnx.ModelProto:
    """Copy the structure of a graph that has at least one node.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    names : Names
        Filled with the names that are given out.
    bare : collection of int
        Indices of nodes that need no attributes.

    Returns
    -------
    onnx.ModelProto
    """
    protos = []
    for node in graph.nodes:
        proto = onnx.NodeProto(
            op_type=node.op_type,
            domain=neutral_domain(node.domain),
            name=step_name(node.index),
            input=[names.neutral(n) for n in (*node.inputs, *node.captured)],
            # An unused output gets a name: an empty one would capture absent inputs.
            output=[
                names.neutral(n) or f"{step_name(node.index)}_unused_{i}"
                for i, n in enumerate(node.outputs)
            ],
        )
        if node.index not in bare:
            proto.attribute.extend(graph.model.graph.node[node.index].attribute)
        protos.append(proto)
    sources = [i.name for i in graph.inputs] + list(graph.constant_names)
    return onnx.helper.make_model(
        onnx.helper.make_graph(
            protos, "skeleton", _values(map(names.neutral, sources)), _values(protos[-1].output[:1])
        ),
        ir_version=max(graph.model.ir_version, 3),
        opset_imports=[
            onnx.helper.make_opsetid(neutral_domain(domain), version)
            for domain, version in _opsets(graph)
        ],
    )


def _opsets(graph: Graph) -> Iterable[tuple[str, int]]:
    used = {node.domain for node in graph.nodes}
    return {**dict.fromkeys(used, 1), **graph.opsets}.items()


def _values(names: Iterable[str]) -> list[onnx.ValueInfoProto]:
    return [onnx.helper.make_empty_tensor_value_info(name) for name in names]
