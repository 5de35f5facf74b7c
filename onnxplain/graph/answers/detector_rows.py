"""Detectors whose boxes are rows: [N, M, 4] beside scores, [N, 4 + K, P], [N, M, 6]."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.graph.answers.part import PROBABLE
from onnxplain.graph.answers.trace import Tracer
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.view import Graph

Found = dict[str, str]
# Strides of the maps that make up the places of a detector, and boxes at each place.
_PYRAMIDS = (
    ((8, 16, 32), (1, 2, 3)),
    ((8, 16, 32, 64), (1, 3)),
    ((8, 16, 32, 64, 128), (1, 3, 9)),
    ((4, 8, 16, 32), (1, 3)),
    ((4, 8, 16, 32, 64), (1, 3)),
    ((16, 32), (1, 3)),
)
_BOX = 4
# Box, score and label; with a number of the picture in front.
_COMPLETE = (6, 7)
# So many rows are no sequence of steps.
_MANY_ROWS = 50
_TAKING = frozenset({"Gather", "GatherElements", "GatherND"})
_RANKING = frozenset({"TopK", "NonZero"})


def boxes_beside_scores(
    tracer: Tracer, image: ImageInput, outputs: Sequence[OutputShape], classes: int
) -> Found:
    """[N, M, 4] beside [N, M] or [N, M, K], with or without a batch axis."""
    found: Found = {}
    for box in outputs:
        shape = box.squeezed
        if shape is None or len(shape) != 2 or shape[1] != _BOX or not box.floating:
            continue
        if _is_no_box(tracer, box.name):
            continue
        partners = [
            o
            for o in outputs
            if o is not box
            and (one := o.squeezed) is not None
            and len(one) in (1, 2)
            and one[0] == shape[0]
            and o.batch_axis == box.batch_axis
        ]
        if partners:
            why = f"{box.name!r} holds 4 numbers for each row of " + ", ".join(
                repr(p.name) for p in partners
            )
            found.update(dict.fromkeys((box.name, *(p.name for p in partners)), why))
    return found


def rows(tracer: Tracer, image: ImageInput, outputs: Sequence[OutputShape], classes: int) -> Found:
    """Outputs of two axes, places or rows and what is said of each."""
    found: Found = {}
    for output in outputs:
        shape = output.squeezed
        if shape is None or len(shape) != 2 or not output.floating:
            continue
        if _is_no_box(tracer, output.name):
            continue
        why = (
            _by_places(image, shape)
            or _by_columns(tracer, output)
            or _by_names(shape, classes)
            or _complete(tracer, output, shape)
        )
        if why:
            found[output.name] = why
    return found


def place_counts(image: ImageInput) -> Iterator[tuple[int, str]]:
    """Numbers of places of usual detectors for this size of picture."""
    for strides, boxes in _PYRAMIDS:
        if min(image.size) < 2 * max(strides):
            continue  # so few cells may be anything
        cells = sum(math.prod(math.ceil(n / s) for n in image.size) for s in strides)
        for each in boxes:
            times = f" * {each}" if each > 1 else ""
            yield cells * each, f"the cells of strides {'/'.join(map(str, strides))}{times}"


def joined_lengths(graph: Graph, tracer: Tracer, tensor: str) -> tuple[int, ...]:
    """Lengths that the last Concat of an output joins; empty if there is none."""
    for _ in range(6):
        node = graph.producers.get(tensor)
        if node is None or node.domain:
            return ()
        if node.op_type == "Concat":
            axis = int(node.attributes["axis"])
            known = [tracer.shapes.get(i, ()) for i in node.inputs]
            return tuple(k[axis] if -len(k) <= axis < len(k) else 0 for k in known)
        if node.op_type not in ("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Cast"):
            return ()
        tensor = node.inputs[0]
    return ()


def _is_no_box(tracer: Tracer, name: str) -> bool:
    parts = tracer.parts(name)
    kinds = {p.kind for p in parts}
    # The boxes of the best scores are taken by their ranks; they are no ranks themselves.
    taken = any(p.node is not None and p.node.op_type in _TAKING for p in parts)
    return kinds <= {"softmax", "log-softmax", "unit"} or (kinds == {"select"} and not taken)


def _by_places(image: ImageInput, shape: tuple[int | None, ...]) -> str:
    for count, cells in place_counts(image):
        for places, columns in (shape, shape[::-1]):
            if places == count and columns is not None and _BOX < columns < count:
                return f"{count} places are {cells}, with {columns} numbers each"
    return ""


def _by_columns(tracer: Tracer, output: OutputShape) -> str:
    """Four numbers without a Sigmoid in front of others that have one."""
    shape = output.known
    parts = tracer.parts(output.name)
    if shape is None or len(parts) < 2 or output.name not in tracer.shapes:
        return ""
    full = tracer.shapes[output.name]
    scored = np.zeros(math.prod(full), bool)
    for part in parts:
        if part.slots is not None and part.kind in PROBABLE and part.plain:
            scored[part.slots] = True
    for axis in range(len(full)):
        rows_ = np.moveaxis(scored.reshape(full), axis, 0).reshape(full[axis], -1)
        if rows_.shape[1] < 2 or len(rows_) <= _BOX or (rows_ != rows_[:, :1]).any():
            continue
        of_column = rows_[:, 0]
        if not of_column[:_BOX].any() and of_column[_BOX]:
            return f"4 numbers without a Sigmoid in front of {int(of_column.sum())} that have one"
    return ""


def _by_names(shape: tuple[int | None, ...], classes: int) -> str:
    if not classes:
        return ""
    for (places, columns), extra in itertools.product((shape, shape[::-1]), (4, 5)):
        if columns == classes + extra and (places is None or places > columns):
            return f"{columns} numbers at each place for {classes} names: {extra} are a box's"
    return ""


def _complete(tracer: Tracer, output: OutputShape, shape: tuple[int | None, ...]) -> str:
    count, columns = shape
    if columns not in _COMPLETE:
        return ""
    what = f"rows of {columns}: a box, its score and its label"
    joined = joined_lengths(tracer.graph, tracer, output.name)
    if joined[:1] == (_BOX,) or joined[1:2] == (_BOX,):
        return what
    plain = {p.kind for p in tracer.parts(output.name)} & PROBABLE
    if plain:
        return ""
    if count is None or count >= _MANY_ROWS:
        return what
    above = tracer.graph.ancestors(output.name)
    ranked = any(
        n.op_type in _RANKING for n in tracer.graph.nodes if not above.isdisjoint(n.outputs)
    )
    return what if ranked else ""
