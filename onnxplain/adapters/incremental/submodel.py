"""Part of a model as a model of its own, without a copy of the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.graph.extract import declare, part_model
from onnxplain.graph.sections import Sections
from onnxplain.graph.view import Node

Array = NDArray[Any]


@dataclass
class Submodel:
    """Nodes between given tensors and wanted ones.

    Attributes
    ----------
    file : bytes
        The model, its large weights left out.
    weights : mapping of str to array
        Those weights: the graph's own arrays.
    inputs, outputs : tuple of str
        Tensors that go in and come out.
    reshapes : mapping of str to str
        Additional inputs that take the target shape of a Reshape, and its output tensor.
        A crop has other sizes than the whole, which the file writes as numbers.
    measured : mapping of str to Node
        Additional inputs that take what a Shape node gives in the whole graph: of a tensor in
        front of this part, or of one that is cropped here.
    bound : tuple of str
        Inputs of the model itself that it reads besides.
    """

    file: bytes
    weights: Mapping[str, Array]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    reshapes: Mapping[str, str] = field(default_factory=dict)
    measured: Mapping[str, Node] = field(default_factory=dict)
    bound: tuple[str, ...] = ()


def extract(
    sections: Sections, inputs: Sequence[str], outputs: Sequence[str], *, crops: bool
) -> Submodel:
    """Cut the nodes between some tensors out of a graph.

    Parameters
    ----------
    sections : Sections
        The graph.
    inputs : sequence of str
        Tensors that are given: those of a cut.
    outputs : sequence of str
        Tensors that are wanted.
    crops : bool
        Whether height and width differ from run to run.
    """
    walk = _Closure(sections, inputs, crops)
    walk.reach(outputs)
    graph = sections.graph
    protos = []
    for index in sorted(walk.nodes):
        proto = graph.model.graph.node[index]
        if index in walk.reshaped:
            changed = onnx.NodeProto()
            changed.CopyFrom(proto)
            changed.input[1] = _shape_of(proto.output[0])
            proto = changed
        protos.append(proto)
    grids = sections.local.grids
    declared = [
        declare(n, grids[n].dtype, [None] * len(sections.shapes[n])) for n in dict.fromkeys(inputs)
    ]
    reshapes = {_shape_of(graph.nodes[k].output): graph.nodes[k].output for k in walk.reshaped}
    declared += [declare(n, np.dtype(np.int64), [None]) for n in (*reshapes, *walk.measured)]
    given = {i.name: i for i in graph.model.graph.input}
    model, weights = part_model(
        graph, protos, [*declared, *(given[n] for n in walk.bound)], outputs, walk.constants
    )
    return Submodel(
        model.SerializeToString(),
        weights,
        tuple(dict.fromkeys(inputs)),
        tuple(outputs),
        reshapes,
        walk.measured,
        tuple(walk.bound),
    )


class _Closure:
    """Everything that some tensors are computed from, back to given ones."""

    def __init__(self, sections: Sections, inputs: Sequence[str], crops: bool) -> None:
        self._sections, self._given, self._crops = sections, frozenset(inputs), crops
        self._behind = sections.graph.descendants(inputs)
        self.nodes: set[int] = set()
        self.constants: set[str] = set()
        self.bound: dict[str, None] = {}
        self.reshaped: set[int] = set()
        self.measured: dict[str, Node] = {}

    def reach(self, names: Sequence[str]) -> None:
        graph, waiting = self._sections.graph, list(names)
        while waiting:
            name = waiting.pop()
            if not name or name in self._given:
                continue
            if graph.is_constant(name):
                self.constants.add(name)
                continue
            node = graph.producers.get(name)
            if node is None:
                self.bound[name] = None
            elif node.op_type == "Shape" and (self._crops or node.inputs[0] not in self._behind):
                self.measured[name] = node
            elif node.index not in self.nodes:
                self.nodes.add(node.index)
                local = node.index in self._sections.local.nodes
                if self._crops and local and node.op_type == "Reshape":
                    self.reshaped.add(node.index)
                    waiting.append(node.inputs[0])
                else:
                    waiting.extend(node.inputs)


def _shape_of(tensor: str) -> str:
    return f"{tensor}/shape of the crop"
