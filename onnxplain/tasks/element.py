"""An element or a slice of any tensor, named by hand."""

from __future__ import annotations

import re

import numpy as np

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.graph.answers.batch import BatchAxes, BatchAxis
from onnxplain.graph.batch_first import tensor_batch_first
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import Shapes
from onnxplain.graph.view import Graph
from onnxplain.targets.reading import Piece, Reading
from onnxplain.targets.values import ValueScore

_FORM = re.compile(r"(?P<tensor>.+)\[(?P<index>[-\d:,\s]*)\]")
_PART = re.compile(r"(?P<one>-?\d{1,18})|(?P<start>-?\d{1,18})?:(?P<stop>-?\d{1,18})?")


def is_element(said: object) -> bool:
    """Whether a text has the form of an element: a name, then an index in brackets."""
    return isinstance(said, str) and _FORM.fullmatch(said.strip()) is not None


def element(said: str, graph: Graph, shapes: Shapes, image: ImageInput | None = None) -> ValueScore:
    """Read ``NAME[INDEX]``: the mean of a slice of a tensor.

    Parameters
    ----------
    said : str
        The tensor's name, and an index as NumPy writes it, without the batch: ``y[3]``,
        ``features[12, 3:5, :]``. Axes that are left out count as a whole.
    graph, shapes
        The prepared graph with its concrete shapes.
    image : ImageInput, optional
        Its explained input; without it, inputs are taken to stand on the first axis.

    Raises
    ------
    UnknownNameError
        If there is no such tensor.
    UsageError
        If the index cannot be read, or holds no element, or the tensor does not hold the inputs
        of a batch one by one.
    """
    found = _FORM.fullmatch(said.strip())
    if found is None:
        raise UsageError(f"{said!r} is not an element; write NAME[INDEX], for example y[3]")
    name = graph.resolve(found["tensor"].strip())
    shape = shapes.get(name)
    if shape is None:
        raise UnknownNameError("tensor", name, shapes, "`inspect` lists tensors")
    read = tensor_batch_first(graph, name) or name
    if image is not None and BatchAxes(graph, shapes, image).of(read) != BatchAxis(0):
        raise UsageError(
            f"{said!r} cannot be explained: the first axis of tensor {name!r}, shape "
            f"{list(shape)}, is not that of the batch; name an element of another tensor"
        )
    shape = shapes[read]
    index = tuple(_part(p, said) for p in found["index"].split(",") if p.strip())
    one = shape[1:]
    try:
        chosen = np.arange(int(np.prod(one))).reshape(one)[index]
    except IndexError as error:
        raise UsageError(
            f"{said!r} is outside the tensor: {name!r} has the shape {list(one)} for one input"
        ) from error
    chosen = np.atleast_1d(chosen).reshape(-1)
    if not chosen.size:
        raise UsageError(f"{said!r} holds no element: the shape for one input is {list(one)}")
    words = f"{name}[{found['index'].strip()}]"
    stem = "".join(c if c.isalnum() else "-" for c in words).strip("-")
    quantity = "value" if chosen.size == 1 else "mean value"
    return ValueScore(words, stem, Reading((Piece(read, chosen),)), quantity=quantity)


def _part(text: str, said: str) -> int | slice:
    found = _PART.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"index {text.strip()!r} of {said!r} is not understood; write 3, 3:5 or :")
    if found["one"]:
        return int(found["one"])
    start, stop = (None if part is None else int(part) for part in found.group("start", "stop"))
    return slice(start, stop)
