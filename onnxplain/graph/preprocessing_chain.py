"""Tensors inside of the preprocessing that a graph does itself, and the graph behind one.

A file that takes uint8 pixels casts, scales, moves and resizes them first; a person may
want the explanation in the units of the pixels, or of what the network proper gets.
"""

from __future__ import annotations

from collections.abc import Iterator

import onnx

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.normalisation import affine_step
from onnxplain.graph.view import Graph, Node, TensorInfo

# They move, retype or resample the whole picture, so that its places can be told behind them.
_PLACED = frozenset({"Cast", "Transpose", "Resize", "Upsample"})


def preprocessing_chain(graph: Graph, image: ImageInput) -> tuple[str, ...]:
    """Tensors from the input on that hold the picture itself, in order.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The explained input, which comes first.

    Returns
    -------
    tuple of str
        As long as one node after the other casts, transposes, resizes, or scales and shifts
        by constants, and nothing else reads values of what it reads.
    """
    return (image.name, *_links(graph, image.name))


def _links(graph: Graph, tensor: str) -> Iterator[str]:
    while len(readers := graph.consumers.get(tensor, ())) == 1:
        (node,) = readers
        if not _keeps_the_picture(graph, node, tensor):
            return
        tensor = node.output
        yield tensor


def _keeps_the_picture(graph: Graph, node: Node, tensor: str) -> bool:
    if node.domain or node.inputs[0] != tensor:
        return not node.domain and affine_step(graph, node, tensor) is not None
    if node.op_type in _PLACED:
        return all(graph.is_constant(i) for i in node.inputs[1:] if i)
    return affine_step(graph, node, tensor) is not None


def cut_at(graph: Graph, start: TensorInfo, output: str) -> Graph:
    """Cut a graph: what computes `output` from `start`, which becomes an input.

    Parameters
    ----------
    graph : Graph
        The prepared graph; left unchanged.
    start : TensorInfo
        A tensor with the type and shape that are to be declared.
    output : str
        The graph output that remains.

    Raises
    ------
    MethodRefusedError
        If `output` depends on the inputs of `start` by another way too.
    """
    tensor = start.name
    needed = _between(graph, tensor, output)
    before = graph.ancestors(tensor) - {tensor}
    around = next((n for n in needed if before.intersection(n.reads)), None)
    if around is not None:
        raise MethodRefusedError(
            f"the scores depend on the picture by more than tensor {tensor!r}: {around} reads "
            "what comes before it; explain at the input"
        )
    read = {name for node in needed for name in node.reads}
    source = graph.model
    cut = onnx.ModelProto(ir_version=source.ir_version, opset_import=source.opset_import)
    cut.graph.name = source.graph.name
    cut.graph.node.extend(source.graph.node[node.index] for node in needed)
    cut.graph.initializer.extend(t for t in source.graph.initializer if t.name in read)
    cut.graph.input.append(
        onnx.helper.make_tensor_value_info(
            tensor, onnx.helper.np_dtype_to_tensor_dtype(start.dtype), start.shape
        )
    )
    cut.graph.input.extend(v for v in source.graph.input if v.name in read and v.name != tensor)
    cut.graph.output.extend(v for v in source.graph.output if v.name == output)
    return Graph(cut, graph.origin, {n: w for n, w in graph.weights.items() if n in read})


def _between(graph: Graph, tensor: str, output: str) -> list[Node]:
    """Nodes on which `output` depends, without those before `tensor`, in order."""
    needed: dict[int, Node] = {}
    waiting, seen = [output], {tensor}
    while waiting:
        name = waiting.pop()
        node = graph.producers.get(name)
        if name not in seen and node is not None:
            needed[node.index] = node
            waiting.extend(node.reads)
        seen.add(name)
    return [needed[index] for index in sorted(needed)]
