"""Files that take one picture and have no axis for a batch."""

import numpy as np
import onnxruntime as ort
import pytest
from graphs import build, value_info
from onnx.helper import make_node as node

from onnxplain.adapters.base import in_batches
from onnxplain.errors import UsageError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.graph.unbatched import lost_batch, with_batch

RNG = np.random.default_rng(0)
WEIGHT = RNG.normal(size=(4, 3, 3, 3)).astype(np.float32)


def unbatched(layout="CHW", opset=17, dtype=np.float32):
    """Pixels of one picture, a convolution, the mean of each map as a score."""
    shape = [3, 8, 9] if layout == "CHW" else [8, 9, 3]
    front = [node("Cast", ["x"], ["f"], to=1)]
    if layout == "HWC":
        front.append(node("Transpose", ["f"], ["g"], perm=[2, 0, 1]))
    last = front[-1].output[0]
    if opset >= 13:
        front.append(node("Unsqueeze", [last, "first"], ["u"]))
    else:
        front.append(node("Unsqueeze", [last], ["u"], axes=[0]))
    nodes = [
        *front,
        node("Conv", ["u", "w"], ["c"]),
        node("Relu", ["c"], ["r"]),
        node("GlobalAveragePool", ["r"], ["p"]),
        node("Flatten", ["p"], ["scores"]),
    ]
    constants = {"w": WEIGHT} | ({"first": np.array([0])} if opset >= 13 else {})
    return build(nodes, ["scores"], constants, inputs=[value_info("x", shape, dtype)], opset=opset)


@pytest.mark.parametrize("opset", [11, 17])
@pytest.mark.parametrize(("layout", "found"), [("CHW", "NCHW"), ("HWC", "NHWC")])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_the_same_function_with_a_batch_of_one(layout, found, opset, dtype):
    proto = unbatched(layout, opset, dtype)
    graph = with_batch(prepare(proto))
    image = find_image_input(graph)
    assert (image.layout, image.channels, image.size, image.batch) == (found, 3, (8, 9), 1)
    assert lost_batch(graph, "x")
    x = RNG.integers(0, 256, image.shape[1:]).astype(dtype)
    before = ort.InferenceSession(proto.SerializeToString()).run(None, {"x": x})[0]
    after = ort.InferenceSession(graph.model.SerializeToString()).run(None, {"x": x[None]})[0]
    np.testing.assert_array_equal(after, before)


def test_signals_and_texts_stay_what_they_are():
    for shape in (["N", 3, 8], ["N", "T", 80], [1, 16000, 1]):
        graph = prepare(build([node("Relu", ["x"], ["y"])], ["y"], inputs=[value_info("x", shape)]))
        assert with_batch(graph) is graph


def test_a_picture_with_a_batch_comes_first():
    inputs = [value_info("a", [3, 8, 8], np.uint8), value_info("b", ["N", 3, 8, 8])]
    nodes = [node("Cast", ["a"], ["c"], to=1), node("Add", ["b", "c"], ["y"])]
    graph = prepare(build(nodes, ["y"], inputs=inputs))
    assert with_batch(graph) is graph
    assert find_image_input(with_batch(graph, "a"), name="a").batch == 1


class TestResultsOfOneInputAtATime:
    def test_tensors_without_a_batch_are_stacked(self):
        x = RNG.normal(size=(3, 5))
        found = in_batches(lambda b: {"own": b, "bare": b[0] * 2, "sum": b.sum()}, x, 8, 1)
        np.testing.assert_array_equal(found["own"], x)
        np.testing.assert_array_equal(found["bare"], 2 * x)
        np.testing.assert_array_equal(found["sum"], [row.sum() for row in x])

    def test_lengths_that_depend_on_the_input_are_refused(self):
        x = np.array([[2], [3]])
        with pytest.raises(UsageError, match="one input at a time"):
            in_batches(lambda b: {"boxes": np.zeros((int(b[0, 0]), 6))}, x, 8, 1)
