"""Integrated gradients in ONNX nodes: a loop over fixed steps, whatever the batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx.helper import np_dtype_to_tensor_dtype

from onnxplain.export.targets.explained import Explained, Pass, write_cast
from onnxplain.graph.view import Graph
from onnxplain.symbolic.back import slope_type
from onnxplain.symbolic.builder import Builder
from onnxplain.symbolic.copies import copy_forward, needed_nodes
from onnxplain.symbolic.facts import Facts
from onnxplain.symbolic.pull_back import pull_back


@dataclass(frozen=True, eq=False)
class Path:
    """The straight way from a baseline to the picture.

    Attributes
    ----------
    image, entry : str
        The input of the graph, and the tensor that holds it in what is written.
    baseline : array
        Broadcasts against the input.
    steps : int
        Points of the Gauss-Legendre quadrature.
    """

    image: str
    entry: str
    baseline: NDArray[Any]
    steps: int


def write_path(
    graph: Graph,
    facts: Facts,
    build: Builder,
    explained: Explained,
    start: tuple[str, Mapping[str, str]],
    path: Path,
) -> tuple[str, str]:
    """Write integrated gradients and their completeness gap.

    Parameters
    ----------
    graph, facts, build
        See `pull_back`.
    explained : Explained
        What is explained.
    start : str, mapping of str to str
        Its number for the picture, (N,), and what was chosen there.
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
    x, real = path.image, slope_type(facts.types[path.image])
    baseline = build.constant(path.baseline.astype(real))
    way = build.add("Sub", write_cast(build, path.entry, real), baseline)
    nodes, weights = np.polynomial.legendre.leggauss(path.steps)
    points = build.constant(((nodes + 1) / 2).astype(np.float32).astype(real))
    shares = build.constant((weights / 2).astype(np.float32).astype(real))
    value, chosen = start
    empty = build.add("Sub", way, way)
    body = _step(graph, facts, build, explained, chosen, (x, baseline, way, points, shares), real)
    count = build.integer(path.steps)
    total = build.fresh("Loop")
    build.nodes.append(helper.make_node("Loop", [count, "", empty], [total], total, body=body))
    attribution = build.add("Mul", total, way)

    at_start = build.add("CastLike", baseline, x)
    at_start = build.add("Expand", at_start, build.add("Shape", path.entry))
    names = copy_forward(graph, build, explained.tensors, {x: at_start})
    before = explained.score(Pass(build, facts, names), chosen).value
    change = write_cast(build, build.add("Sub", value, before), real)
    axes = range(1, len(facts.shapes[x]))
    reached = build.reduce("ReduceSum", attribution, axes, keep=False)
    none = build.add("Equal", change, build.constant(np.asarray(0, real)))
    divisor = build.add("Where", none, build.constant(np.asarray(1, real)), change)
    gap = build.add("Div", build.add("Sub", change, reached), divisor)
    single = np.dtype(np.float32)
    return write_cast(build, attribution, single), write_cast(build, gap, single)


def _step(
    graph: Graph,
    facts: Facts,
    build: Builder,
    explained: Explained,
    chosen: Mapping[str, str],
    way: tuple[str, str, str, str, str],
    real: np.dtype[Any],
) -> onnx.GraphProto:
    """The body of the loop: the slopes at one point, added to what there is."""
    x, start, difference, points, shares = way
    number, going, kept = (build.fresh(hint) for hint in ("step", "going", "sum"))
    with build.body() as nodes:
        here = build.add(
            "Add", start, build.add("Mul", difference, build.add("Gather", points, number))
        )
        here = build.add("CastLike", here, x)
        names = copy_forward(graph, build, explained.tensors, {x: here})
        score = explained.score(Pass(build, facts, names), chosen)
        slopes = pull_back(graph, facts, build, score.slopes, [x], names)[x]
        slopes = write_cast(build, slopes, real)
        part = build.add("Mul", slopes, build.add("Gather", shares, number))
        total = build.add("Add", kept, part)
        on = build.add("Identity", going)
    code = np_dtype_to_tensor_dtype(real)
    return helper.make_graph(
        needed_nodes(nodes, [on, total]),
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
