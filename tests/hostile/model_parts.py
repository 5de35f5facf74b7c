"""What the sound models of `model_bases` have in common: one convolution and one linear layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.helper import make_graph, make_node, make_opsetid

SIDE = 12
FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64


def values(*shape: int, seed: int = 0) -> np.ndarray:
    """Small numbers."""
    # Whole numbers of quarters: the same on every processor.
    return (np.random.default_rng(seed).integers(-4, 5, shape) / 4).astype(np.float32)


def info(name: str, shape: Sequence[int | str] | None, dtype: int = FLOAT) -> Any:
    """Declare an input or output."""
    return helper.make_tensor_value_info(name, dtype, shape)


def model_of(
    nodes: Sequence[onnx.NodeProto],
    constants: dict[str, np.ndarray],
    *,
    inputs: Sequence[Any] | None = None,
    outputs: Sequence[Any] | None = None,
    functions: Sequence[onnx.FunctionProto] = (),
    domains: Sequence[str] = (),
    opset: int = 17,
) -> onnx.ModelProto:
    """Make a model, of a colour picture and four classes if nothing else is said."""
    graph = make_graph(
        nodes,
        "g",
        inputs or [info("x", ["N", 3, SIDE, SIDE])],
        outputs or [info("y", ["N", 4])],
        [numpy_helper.from_array(a, n) for n, a in constants.items()],
    )
    opsets = [make_opsetid("", opset), *(make_opsetid(d, 1) for d in domains)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, ir_version=9)


STEM = make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1], name="stem")
HEAD = (
    make_node("GlobalAveragePool", ["r"], ["g"], name="pool"),
    make_node("Flatten", ["g"], ["f"], name="flat"),
    make_node("Gemm", ["f", "v", "d"], ["y"], transB=1, name="head"),
)
RELU = make_node("Relu", ["c"], ["r"], name="act")
WEIGHTS = {
    "w": values(6, 3, 3, 3, seed=1),
    "b": values(6, seed=2),
    "v": values(4, 6, seed=3),
    "d": values(4, seed=4),
}
