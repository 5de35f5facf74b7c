"""Shapes of all tensors of a graph, measured where ONNX does not infer them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from onnxplain.adapters.ort import OrtAdapter
from onnxplain.boundary import foreign
from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.arithmetic import comparisons, numbers_written, products
from onnxplain.graph.budget import budget, over
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.shapes import Shapes, infer_shapes
from onnxplain.graph.view import Graph

# Steps of some two nanoseconds: to write a number into fresh memory or to compare two, and to
# multiply.
_WRITTEN, _PRODUCTS_A_STEP = 2, 16


def concrete_shapes(graph: Graph, image: ImageInput, engine: Callable[[], OrtAdapter]) -> Shapes:
    """Return the shapes for a batch of one, or of the size that the file insists on.

    Parameters
    ----------
    graph : Graph
        The prepared graph.
    image : ImageInput
        The explained input.
    engine : callable
        Opens ONNX Runtime; called if a shape has to be measured.

    Raises
    ------
    UnsupportedModelError
        If no memory holds the input, a tensor is larger than the budget allows, or a small file
        asks for more work than it does.
    """
    shapes = infer_shapes(graph, image)
    _require_small(graph, shapes)
    _require_little_work(graph, shapes)
    unknown = [n for n in graph.tensor_names() if n not in shapes]
    if unknown:
        shape = (image.batch or 1, *image.shape[1:])
        with foreign(lambda why: UnsupportedModelError(f"an input of shape {shape}: {why}")):
            x = np.zeros(shape, image.dtype)
        # Whether inputs may meet in a batch is asked of the scores, which are not known yet.
        measured = engine().together().shapes_of(x, unknown)
        _require_small(graph, measured)
        shapes |= measured
        _require_little_work(graph, shapes)
    return shapes


def _require_small(graph: Graph, shapes: Shapes) -> None:
    for name, lengths in shapes.items():
        # Most are float32; what is smaller is made larger by what reads it.
        if (size := 4 * math.prod(lengths)) > budget().tensor_bytes and not graph.is_constant(name):
            raise over("tensor_bytes", f"tensor {name!r}", f"it takes {size:,} bytes")


def _require_little_work(graph: Graph, shapes: Shapes) -> None:
    """Refuse what costs far more than a file of its size is worth: a padding of millions.

    Opening a model takes some tens of passes, and each of them takes this long.
    """
    if not graph.is_small:
        return
    steps = {
        n: _WRITTEN * (numbers_written(n, shapes) + comparisons(n, shapes))
        + products(graph, n, shapes) // _PRODUCTS_A_STEP
        for n in graph.nodes
    }
    if (work := sum(steps.values())) > budget().small_work:
        most = max(steps, key=lambda n: steps[n])
        raise over(
            "small_work", str(most), f"this small file takes {work:,} steps, most of them here"
        )
