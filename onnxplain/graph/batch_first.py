"""Scores whose inputs do not stand on the first axis get copies on which they do.

Recognisers of text write [time, batch, classes], files for one picture at a time [classes].
Engines cut, join and fill batches along the first axis; after a copy they need to know of no
other one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import onnx

from onnxplain.graph.answers.answer import Answer
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph
from onnxplain.targets.reading import Piece, Reading

# In front of the names of the nodes that make the copies.
_MADE = "onnxplain_batch_first:"
_AXES_ARE_AN_INPUT = 13


def with_batch_first(graph: Graph, answer: Answer, shapes: Shapes) -> Graph:
    """Add the copies that the readings of an answer need.

    Parameters
    ----------
    graph : Graph
        The prepared graph; left unchanged.
    answer : Answer
        What is read.
    shapes : mapping of str to tuple of int
        Concrete shapes of the tensors.

    Returns
    -------
    Graph
        The same graph if all inputs stand on the first axis already.
    """
    axes = {p.tensor: p.batch_axis for p in _pieces(answer) if _copy_of(graph, p) is None}
    axes = {tensor: axis for tensor, axis in axes.items() if axis != 0}
    if not axes:
        return graph
    model = onnx.ModelProto()
    model.CopyFrom(graph.model)
    taken = {*graph.tensor_names(), *graph.constant_names}
    for tensor, axis in axes.items():
        copy = f"{tensor}_batch_first"
        while copy in taken:
            copy += "_"
        taken.add(copy)
        if axis is None:
            node = _unsqueeze(model, tensor, copy)
        else:
            order = [axis, *(k for k in range(len(shapes[tensor])) if k != axis)]
            node = onnx.helper.make_node(
                "Transpose", [tensor], [copy], name=_MADE + copy, perm=order
            )
        model.graph.node.append(node)
    return Graph(model, graph.origin, graph.weights)


def read_batch_first(graph: Graph, answer: Answer) -> Answer:
    """Return the answer with its readings at the copies that the graph has."""

    def moved(reading: Reading) -> Reading:
        pieces = (
            piece if (copy := _copy_of(graph, piece)) is None else copy for piece in reading.pieces
        )
        return replace(reading, pieces=tuple(pieces))

    return replace(
        answer,
        raw=moved(answer.raw),
        probability=None if answer.probability is None else moved(answer.probability),
        logit=None if answer.logit is None else moved(answer.logit),
    )


def tensor_batch_first(graph: Graph, tensor: str) -> str | None:
    """Name of the copy of a tensor, if the graph has one."""
    copy = _copy_of(graph, Piece(tensor, batch_axis=None))
    return None if copy is None else copy.tensor


def _unsqueeze(model: onnx.ModelProto, tensor: str, copy: str) -> onnx.NodeProto:
    """A node that adds a first axis, whatever lengths the others have at run time."""
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
    if opset < _AXES_ARE_AN_INPUT:
        return onnx.helper.make_node("Unsqueeze", [tensor], [copy], name=_MADE + copy, axes=[0])
    axes = f"{copy}_axes"
    model.graph.initializer.append(onnx.helper.make_tensor(axes, onnx.TensorProto.INT64, [1], [0]))
    return onnx.helper.make_node("Unsqueeze", [tensor, axes], [copy], name=_MADE + copy)


def _pieces(answer: Answer) -> Iterator[Piece]:
    for reading in (answer.raw, answer.probability, answer.logit):
        if reading is not None:
            yield from reading.pieces


def _copy_of(graph: Graph, piece: Piece) -> Piece | None:
    """The piece at the copy of its tensor, if the graph has one."""
    if piece.batch_axis == 0:
        return None
    for node in graph.consumers.get(piece.tensor, ()):
        if node.name == _MADE + node.output:
            return replace(piece, tensor=node.output, batch_axis=0)
    return None
