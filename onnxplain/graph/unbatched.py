"""Files that take one picture at a time and have no axis for a batch.

They get one, of length 1, so that everything after it sees the usual four axes.
"""

from __future__ import annotations

import onnx

from onnxplain.graph.channel_evidence import channel_evidence
from onnxplain.graph.view import Graph, TensorInfo

_NUMBERS = "fiu"
_RANK = 3


def with_batch(graph: Graph, name: str | None = None) -> Graph:
    """Give the picture a batch axis, if the file has none.

    Parameters
    ----------
    graph : Graph
        The prepared graph; left unchanged.
    name : str, optional
        The input that takes the picture. If not given, an input of rank three is taken for
        a picture if no input has rank four and it is made of bytes or read by a
        two-dimensional convolution: a signal or a text also has three axes.

    Returns
    -------
    Graph
        A copy in which that input has a first axis of length 1 and its old name; the same
        graph if nothing is to be done.
    """
    numbers = [i for i in graph.inputs if i.shape is not None and i.dtype.kind in _NUMBERS]
    if name is not None:
        chosen = next((i for i in numbers if i.name == name and _rank(i) == _RANK), None)
    elif any(_rank(i) > _RANK for i in numbers):
        chosen = None
    else:
        chosen = next((i for i in numbers if _is_picture(graph, i)), None)
    return graph if chosen is None else _with_axis(graph, chosen)


def lost_batch(graph: Graph, name: str) -> bool:
    """Whether the batch axis of an input is one that `with_batch` made."""
    readers = graph.consumers.get(name, ())
    return len(readers) == 1 and readers[0].op_type == "Squeeze" and readers[0].name == _MADE


def _rank(info: TensorInfo) -> int:
    return len(info.shape or ())


def _is_picture(graph: Graph, info: TensorInfo) -> bool:
    return _rank(info) == _RANK and (
        info.dtype == "uint8" or channel_evidence(graph, info.name, info.lengths) is not None
    )


_MADE = "onnxplain_batch_of_one"


def _with_axis(graph: Graph, info: TensorInfo) -> Graph:
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    taken = {*graph.tensor_names(), *graph.constant_names}
    inner, axes = f"{info.name}_without_batch", f"{_MADE}_axes"
    while inner in taken:
        inner += "_"
    while axes in taken:
        axes += "_"
    _rename(model.graph, info.name, inner)
    squeeze = onnx.helper.make_node("Squeeze", [info.name], [inner], name=_MADE)
    if graph.opsets.get("", 1) >= 13:
        squeeze.input.append(axes)
        zero = onnx.helper.make_tensor(axes, onnx.TensorProto.INT64, [1], [0])
        model.graph.initializer.append(zero)
    else:
        squeeze.attribute.append(onnx.helper.make_attribute("axes", [0]))
    model.graph.node.insert(0, squeeze)
    for value in model.graph.input:
        if value.name == info.name:
            dims = value.type.tensor_type.shape.dim
            dims.insert(0, onnx.TensorShapeProto.Dimension(dim_value=1))
    return Graph(model, graph.origin, graph.weights)


def _rename(body: onnx.GraphProto, old: str, new: str) -> None:
    """Let all nodes read another tensor, those inside of branches and loops as well."""
    for node in body.node:
        for k, name in enumerate(node.input):
            if name == old:
                node.input[k] = new
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                _rename(inner, old, new)
