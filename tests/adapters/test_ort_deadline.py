"""A run of ONNX Runtime ends when its time is over, and only then."""

import os
import subprocess
import sys
import time

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from onnxplain.adapters.ort import OrtAdapter
from onnxplain.adapters.ort_deadline import in_time_together, run_in_time
from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.budget import Budget, OverBudgetError, within
from onnxplain.graph.image_input import ImageInput
from tests.graph.written import graph


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


@pytest.mark.parametrize(
    ("said", "where"),
    [
        (
            "Non-zero status code returned while running Expand node. Name:'e' Status Message: "
            "/bfc_arena.cc:360 Available memory of 98951168 is smaller than requested bytes of 72",
            "Expand (node 'e'): it asks for 72 more bytes",
        ),
        ("Failed to allocate memory for requested buffer of size 72", "one inference: it asks for"),
    ],
)
def test_memory_that_is_not_there_is_a_limit_and_no_fault(said, where):
    def fail(options):
        raise RuntimeError(said)

    with pytest.raises(OverBudgetError) as caught:
        run_in_time(fail, onnxruntime.RunOptions())
    assert where in str(caught.value)
    assert "--budget memory-bytes=N" in str(caught.value)


def test_a_series_of_runs_takes_no_longer_than_one_may():
    session, begun, done = rounds(20_000), time.monotonic(), []

    def again_and_again():
        while time.monotonic() < begun + 60:
            done.append(run(session))

    with within(Budget(run_seconds=1.0)):
        with in_time_together(), pytest.raises(UnsupportedModelError, match="run-seconds"):
            again_and_again()
        assert len(done) > 1  # each of them is short
        run(session)  # the series is over
    assert time.monotonic() < begun + 30


_FORKED = """
import os, time
import onnxruntime
from onnxplain.adapters.ort_deadline import run_in_time
from onnxplain.graph.budget import Budget, OverBudgetError, within

def until_ended(options):
    begun = time.monotonic()
    while not options.terminate and time.monotonic() < begun + 30:
        time.sleep(0.01)
    raise RuntimeError("ended")

run_in_time(lambda options: [], onnxruntime.RunOptions())  # which starts the thread
child = os.fork()
if child:
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
status = 1
try:
    with within(Budget(run_seconds=0.3)):
        run_in_time(until_ended, onnxruntime.RunOptions())
except OverBudgetError:
    status = 0
finally:
    os._exit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_process_watches_its_own_runs():
    done = subprocess.run([sys.executable, "-c", _FORKED], timeout=120, check=False)
    assert done.returncode == 0


_SMALL_ARENA = """
import numpy as np
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.errors import OnnxplainError
from onnxplain.graph.budget import set_budget
from onnxplain.graph.image_input import ImageInput
from tests.graph.written import graph

set_budget({"memory-bytes": "1e8"})
made = graph(
    "n = NonZero(x) s = Shape<start=1>(n) t = Concat<axis=0>(s, s) e = Expand(one, t) "
    "y = ReduceSum<keepdims=0>(e)",
    inputs="float[N,1,80,90] x", one=np.float32(1),
)
engine = OrtAdapter(made, ImageInput("x", "float32", "NCHW", 1, (80, 90), None, False), "y")
x = np.zeros((1, 1, 80, 90), np.float32)
x[0, 0, 0, :10] = 1
print(engine.forward(x).item())
try:
    engine.forward(x + 1)
except OnnxplainError as error:
    print(error)
"""


def test_what_onnx_runtime_holds_is_under_the_budget_of_memory():
    """In a process of its own: the first session settles what all may hold."""
    words = [sys.executable, "-c", _SMALL_ARENA]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == "100.0"
    assert second.startswith("Expand (node '')")
    assert "it asks for 207,360,000 more bytes" in second


@pytest.mark.parametrize(("weights", "limit"), [(1, "loop-seconds"), (300_000, "run-seconds")])
def test_a_loop_beside_a_large_network_has_the_time_of_the_network(weights, limit):
    body = """n = Constant<value = int64 {1000000000}>() on = Constant<value = bool {1}>()
        z = Loop(n, on, x) <body = b (int64 i, bool c, float[N,3,4,6] s) =>
            (bool d, float[N,3,4,6] t) { d = Identity(c) t = Neg(s) }> y = Add(z, m)"""
    made = graph(
        body + " w2 = Identity(w)", m=np.zeros(1, np.float32), w=np.zeros(weights, np.float32)
    )
    image = ImageInput("x", "float32", "NCHW", 3, (4, 6), None, False)
    engine = OrtAdapter(made, image, "y", device="cpu")
    with (
        within(Budget(loop_seconds=0.3, run_seconds=0.6)),
        pytest.raises(UnsupportedModelError, match=limit),
    ):
        engine.forward(np.zeros((1, 3, 4, 6), np.float32))
