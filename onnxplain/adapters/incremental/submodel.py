"""Part of a model as a model of its own, without a copy of the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from onnxplain.graph.extract import declare, find_part, part_model
from onnxplain.graph.sections import Sections
from onnxplain.graph.view import Node

Array = NDArray[Any]
# Attributes of a convolution that say how it pads.
_PADDING = frozenset({"auto_pad", "pads"})


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
    sections: Sections,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    crops: bool,
    pads: bool = True,
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
    pads : bool
        Whether convolutions keep their padding.
    """
    graph, shapes, local = sections.graph, sections.shapes, sections.local
    downstream = graph.descendants(inputs)

    def is_measured(name: str) -> bool:
        node = graph.producers[name]
        return node.op_type == "Shape" and (crops or node.inputs[0] not in downstream)

    def takes_shape(node: Node) -> bool:
        return crops and node.op_type == "Reshape" and node.index in local.nodes

    part = find_part(
        graph,
        outputs,
        frozenset(inputs),
        enters=is_measured,
        reads=lambda node: node.inputs[:1] if takes_shape(node) else node.reads,
    )
    reshapes = {_shape_of(n.output): n.output for n in part.nodes if takes_shape(n)}
    further = [n for n in part.entering if n not in inputs]
    measured = {n: graph.producers[n] for n in further if n in graph.producers}
    bound = tuple(n for n in further if n not in measured)

    def adapted(proto: onnx.NodeProto) -> onnx.NodeProto:
        shape, bare = _shape_of(proto.output[0]), proto.op_type == "Conv" and not pads
        if shape not in reshapes and not bare:
            return proto
        changed = onnx.NodeProto()
        changed.CopyFrom(proto)
        if bare:
            del changed.attribute[:]
            changed.attribute.extend(a for a in proto.attribute if a.name not in _PADDING)
        else:
            changed.input[1] = shape
        return changed

    declared = [
        declare(n, local.grids[n].dtype, [None] * len(shapes[n])) for n in dict.fromkeys(inputs)
    ]
    declared += [declare(n, np.dtype(np.int64), [None]) for n in (*reshapes, *measured)]
    given = {i.name: i for i in graph.model.graph.input}
    model, weights = part_model(
        graph, part, [*declared, *(given[n] for n in bound)], outputs, adapted
    )
    return Submodel(
        model.SerializeToString(),
        weights,
        tuple(dict.fromkeys(inputs)),
        tuple(outputs),
        reshapes,
        measured,
        bound,
    )


def _shape_of(tensor: str) -> str:
    return f"{tensor}/shape of the crop"
