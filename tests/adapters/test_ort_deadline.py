"""A run of ONNX Runtime ends when its time is over, and only then."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnxplain.adapters.ort_deadline import run_in_time
from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.budget import Budget, within


def rounds(count):
    """A Loop that adds one so many times."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["on"], ["still"]),
            helper.make_node("Add", ["so_far", "one"], ["sum"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("so_far", TensorProto.FLOAT, [1]),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("sum", TensorProto.FLOAT, [1]),
        ],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["count", "", "x"], ["y"], body=body)],
        "rounds",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        [
            numpy_helper.from_array(np.array(count, np.int64), "count"),
            numpy_helper.from_array(np.ones(1, np.float32), "one"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )


FEEDS = {"x": np.zeros(1, np.float32)}


def run(session, feeds=FEEDS, **more):
    return run_in_time(
        lambda options: session.run(None, feeds, options), onnxruntime.RunOptions(), **more
    )


def test_a_short_run_returns_what_onnx_runtime_returns():
    session = rounds(7)
    for _ in range(3):
        (found,) = run(session)
        assert found == [7.0]


def test_a_run_without_end_is_ended():
    with (
        within(Budget(run_seconds=0.3)),
        pytest.raises(UnsupportedModelError, match="run-seconds"),
    ):
        run(rounds(1 << 60))


def test_other_errors_are_those_of_onnx_runtime():
    with pytest.raises(ValueError, match="missing from input feed"):
        run(rounds(1), {"z": FEEDS["x"]})


def test_a_graph_with_loops_has_less_time():
    with (
        within(Budget(loop_seconds=0.3)),
        pytest.raises(UnsupportedModelError, match="loop-seconds"),
    ):
        run(rounds(1 << 60), loops=True)
