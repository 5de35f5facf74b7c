"""Tensors inside of the preprocessing that a graph does itself.

A file that takes uint8 pixels casts, scales, moves and resizes them first; a person may
want the explanation in the units of the pixels, or of what the network proper gets.
"""

from __future__ import annotations

from collections.abc import Iterator

from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.normalisation import affine_step
from onnxplain.graph.pixel_flow import Flow, follow
from onnxplain.graph.pixels import CHANNELS
from onnxplain.graph.slices import slice_parts
from onnxplain.graph.view import Graph, Node

# They move, retype or resample the whole picture, so that its places are known after them.
_PLACED = frozenset({"Cast", "Transpose", "Resize", "Upsample", "Clip"})


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
        As long as one node after the other casts, transposes, resizes, clips, turns the order
        of the channels round, or scales and shifts by constants, and nothing else reads
        what it reads: what is cut off there has no shape that another node could ask for.
    """
    return (image.name, *_links(graph, image.name, follow(graph, image)))


def _links(graph: Graph, tensor: str, flow: Flow) -> Iterator[str]:
    while len(readers := graph.consumers.get(tensor, ())) == 1:
        (node,) = readers
        if not (_keeps_the_picture(graph, node, tensor) or _turns(graph, node, tensor, flow)):
            return
        tensor = node.output
        yield tensor


def _keeps_the_picture(graph: Graph, node: Node, tensor: str) -> bool:
    if node.domain or node.inputs[0] != tensor:
        return not node.domain and affine_step(graph, node, tensor) is not None
    if node.op_type in _PLACED:
        return all(graph.is_constant(i) for i in node.inputs[1:] if i)
    return affine_step(graph, node, tensor) is not None


def _turns(graph: Graph, node: Node, tensor: str, flow: Flow) -> bool:
    """Whether a node puts the channels in another order, and does nothing else."""
    before, after = flow.pixels.get(tensor), flow.pixels.get(node.output)
    if before is None or after is None or before.roles != after.roles:
        return False
    if node.op_type == "Gather":
        axes = [int(node.attributes.get("axis", 0))]
    elif node.op_type == "Slice":
        axes = [axis for axis, *_ in slice_parts(graph, node) or ()]
    else:
        return False
    order = after.weights.argmax(axis=1).tolist()
    whole = sorted(order) == sorted(before.weights.argmax(axis=1).tolist())
    return whole and all(before.roles[axis] == CHANNELS for axis in axes)
