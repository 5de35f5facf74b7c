"""Of which parts the numbers of a candidate are joined."""

from __future__ import annotations

from onnxplain.graph.answers.boxes.found import Seen
from onnxplain.graph.answers.output_shapes import OutputShape

_MOVES = ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast", "Identity")
_DEEPEST = 12
_BOX = 4


def joined_parts(seen: Seen, output: OutputShape, width: int) -> tuple[int, ...]:
    """Return how many numbers each part of a candidate's numbers has; empty if nothing tells.

    Parameters
    ----------
    seen : Seen
        The graph.
    output : OutputShape
        The output that holds candidates.
    width : int
        Numbers of a candidate.

    Returns
    -------
    tuple of int
        As a Concat joins them, also where another one joins the candidates of several scales
        around it. Where the first part is itself joined of a box and more, its parts.
    """
    return _parts(seen, output.name, width, _DEEPEST)


def _parts(seen: Seen, tensor: str, width: int, deep: int) -> tuple[int, ...]:
    node = seen.tracer.graph.producers.get(tensor)
    if node is None or node.domain or deep == 0:
        return ()
    if node.op_type in _MOVES:
        return _parts(seen, node.inputs[0], width, deep - 1)
    if node.op_type != "Concat":
        return ()
    axis = int(node.attributes["axis"])
    known = [seen.tracer.shapes.get(i, ()) for i in node.inputs]
    lengths = [k[axis] if -len(k) <= axis < len(k) else 0 for k in known]
    if sum(lengths) != width:  # it joins candidates
        return _parts(seen, node.inputs[0], width, deep - 1)
    first, *rest = lengths
    inside = _parts(seen, node.inputs[0], first, deep - 1) if first > _BOX else ()
    return (*(inside or (first,)), *rest)
