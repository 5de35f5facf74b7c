"""Integrated gradients in ONNX nodes: a loop over fixed steps, whatever the batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.helper import np_dtype_to_tensor_dtype

from onnxplain.export.scores import (
    Scores,
    write_choice,
    write_scores,
    write_seeds,
    write_value,
)
from onnxplain.graph.view import Graph
from onnxplain.symbolic.back import slope_type
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.copies import copy_forward
from onnxplain.symbolic.facts import Facts
from onnxplain.symbolic.pull_back import pull_back


@dataclass(frozen=True, eq=False)
class Path:
    """The straight way from a baseline to the picture.

    Attributes
    ----------
    image : str
        Name of the input.
    baseline : array
        Broadcasts against the input.
    steps : int
        Points of the Gauss-Legendre quadrature.
    """

    image: str
    baseline: NDArray[Any]
    steps: int


def write_path(
    graph: Graph,
    facts: Facts,
    build: Builder,
    scores: Scores,
    explained: tuple[str, str, str],
    path: Path,
) -> tuple[str, str]:
    """Write integrated gradients and their completeness gap.

    Parameters
    ----------
    graph, facts, build
        See `pull_back`.
    scores : Scores
        What is explained.
    explained : tuple of str
        Its number for the picture, (N,); which score it is, (N, K); and the input that says
        what it is held against.
    path : Path
        The way and its steps.

    Returns
    -------
    attribution : str
        In the shape of the input.
    gap : str
        (N,): what is missing of the difference of the scores, as a share of it.
    """
    # In the type of the derivatives, which is wider than that of some inputs.
    x, kind = path.image, slope_type(facts.types[path.image])
    start = build.constant(path.baseline.astype(kind))
    way = build.add("Sub", build.add("Cast", x, to=np_dtype_to_tensor_dtype(kind)), start)
    nodes, weights = np.polynomial.legendre.leggauss(path.steps)
    points = build.constant(((nodes + 1) / 2).astype(np.float32).astype(kind))
    shares = build.constant((weights / 2).astype(np.float32).astype(kind))
    empty = build.add("Sub", way, way)
    value, chosen, contrast = explained
    body = _step(graph, facts, build, scores, (chosen, contrast), (x, start, way, points, shares))
    count = build.integer(path.steps)
    total = build.fresh("Loop")
    build.nodes.append(helper.make_node("Loop", [count, "", empty], [total], total, body=body))
    attribution = build.add("Cast", build.add("Mul", total, way), to=TensorProto.FLOAT)

    at_start = build.add("Expand", build.add("CastLike", start, x), build.add("Shape", x))
    names = copy_forward(graph, build, scores.tensors, {x: at_start})
    before = write_scores(build, scores, facts, names)
    choice = write_choice(build, scores, before, chosen, contrast)
    change = build.add("Sub", value, write_value(build, before, choice))
    axes = range(1, len(facts.shapes[x]))
    reached = build.reduce("ReduceSum", attribution, axes, keep=False)
    none = build.add("Equal", change, build.number(0))
    divisor = build.add("Where", none, build.number(1), change)
    return attribution, build.add("Div", build.add("Sub", change, reached), divisor)


def _step(
    graph: Graph,
    facts: Facts,
    build: Builder,
    scores: Scores,
    explained: tuple[str, str],
    way: tuple[str, str, str, str, str],
) -> onnx.GraphProto:
    """The body of the loop: the slopes at one point, added to what there is."""
    x, start, difference, points, shares = way
    number, going, kept = (build.fresh(hint) for hint in ("step", "going", "sum"))
    with build.body() as nodes:
        here = build.add(
            "Add", start, build.add("Mul", difference, build.add("Gather", points, number))
        )
        here = build.add("CastLike", here, x)
        names = copy_forward(graph, build, scores.tensors, {x: here})
        whole = write_scores(build, scores, facts, names)
        choice = write_choice(build, scores, whole, *explained)
        seeds = write_seeds(build, scores, choice, facts, names)
        slopes = pull_back(graph, facts, build, seeds, [x], names)[x]
        part = build.add("Mul", slopes, build.add("Gather", shares, number))
        total = build.add("Add", kept, part)
        on = build.add("Identity", going)
    code = np_dtype_to_tensor_dtype(slope_type(facts.types[x]))
    return helper.make_graph(
        nodes,
        "step",
        [
            helper.make_tensor_value_info(number, TensorProto.INT64, []),
            helper.make_tensor_value_info(going, TensorProto.BOOL, []),
            helper.make_tensor_value_info(kept, code, None),
        ],
        [
            helper.make_tensor_value_info(on, TensorProto.BOOL, []),
            helper.make_tensor_value_info(total, code, None),
        ],
    )
