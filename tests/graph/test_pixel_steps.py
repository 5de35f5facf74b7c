"""What a step makes of a tensor that holds the picture, against onnx's reference."""

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from onnxplain.graph.pixel_steps import reduced_axes, step
from onnxplain.graph.pixels import Pixels
from onnxplain.graph.view import Graph
from tests.graph.written import graph, model

SHAPES = {"NCHW": (1, 3, 4, 6), "NHWC": (1, 4, 6, 3)}
# One colour at every place, so that each number of a tensor tells its channel.
COLOUR = np.float32([10, 20, 40])


def ints(*values):
    return np.array(values, np.int64)


def opened(body, layout="NCHW", outputs="float y", **constants):
    shape = ",".join(map(str, SHAPES[layout]))
    return model(body, f"float[{shape}] x", outputs, **constants)


def stepped(proto, layout="NCHW", held=None, counts=None):
    made = Graph(proto)
    node = made.nodes[-1]
    return step(made, node, {"x": held or Pixels.of_input(layout, 3)}, counts or {})


def values(proto, layout="NCHW", outputs=("y",)):
    along = [3 if role == "C" else 1 for role in layout]
    x = np.broadcast_to(COLOUR.reshape(along), SHAPES[layout])
    found = ReferenceEvaluator(proto).run(list(outputs), {"x": np.ascontiguousarray(x)})
    return found[0] if len(outputs) == 1 else found


def require_holds(held, value):
    """Assert that each channel has one value, and that it is the one that `held` tells."""
    told = held.weights @ COLOUR.astype(float) + held.shift
    assert len(held.roles) == value.ndim
    if "C" not in held.roles:
        assert held.count == 1
        np.testing.assert_allclose(value, told[0])
        return
    along = [-1 if role == "C" else 1 for role in held.roles]
    np.testing.assert_allclose(value, np.broadcast_to(told.reshape(along), value.shape), rtol=1e-6)


SWAP = np.eye(3, dtype=np.float32)[::-1].copy()
GREY = np.float32([0.25, 0.5, 0.25])
# Body, layout, constants and the roles behind.
STEPS = {
    "Cast": ("y = Cast<to = 11>(x)", "NCHW", {}, "NCHW"),
    "Resize": ("y = Resize(x, , f)", "NCHW", {"f": np.float32([1, 1, 2, 2])}, "NCHW"),
    "MaxPool": ("y = MaxPool<kernel_shape = [2,2]>(x)", "NCHW", {}, "NCHW"),
    "Add": ("y = Add(x, c)", "NCHW", {"c": COLOUR.reshape(3, 1, 1)}, "NCHW"),
    "Clip": ("y = Clip(x, c)", "NCHW", {"c": np.float32(0)}, "NCHW"),
    "Transpose": ("y = Transpose<perm = [0,2,3,1]>(x)", "NCHW", {}, "NHWC"),
    "Transpose of all": ("y = Transpose(x)", "NCHW", {}, "WHCN"),
    "Squeeze": ("y = Squeeze(x, k)", "NCHW", {"k": ints(0)}, "CHW"),
    "Unsqueeze": ("y = Unsqueeze(x, k)", "NHWC", {"k": ints(1)}, "N-HWC"),
    "Reshape to a batch": ("y = Reshape(x, k)", "NHWC", {"k": ints(-1, 4, 6, 3)}, "NHWC"),
    "Reshape without a batch": ("y = Reshape(x, k)", "NHWC", {"k": ints(4, 6, 3)}, "HWC"),
    "Reshape that keeps": ("y = Reshape(x, k)", "NCHW", {"k": ints(1, 0, 4, -1)}, "NCHW"),
    "Reshape to rows of pixels": ("y = Reshape(x, k)", "NHWC", {"k": ints(-1, 3)}, "-C"),
    "Gather": ("y = Gather<axis = 1>(x, k)", "NCHW", {"k": ints(2, 0)}, "NCHW"),
    "Gather of one": ("y = Gather<axis = -3>(x, k)", "NCHW", {"k": np.array(-1)}, "NHW"),
    "Gather of places": ("y = Gather<axis = 2>(x, k)", "NCHW", {"k": ints(3, 1)}, "NCHW"),
    "Slice": ("y = Slice(x, b, e, k)", "NCHW", {"b": ints(1), "e": ints(9), "k": ints(1)}, "NCHW"),
    "Slice backwards": (
        "y = Slice(x, b, e, k, b)", "NHWC", {"b": ints(-1), "e": ints(-(2**62)), "k": ints(3)},
        "NHWC",
    ),
    "Slice of places": (
        "y = Slice(x, b, e, k)", "NCHW", {"b": ints(1), "e": ints(3), "k": ints(-1)}, "NCHW",
    ),
    "mean of channels": ("y = ReduceMean<axes = [1]>(x)", "NCHW", {}, "NCHW"),
    "sum of channels": ("y = ReduceSum<keepdims = 0>(x, k)", "NHWC", {"k": ints(-1)}, "NHW"),
    "Conv that swaps": ("y = Conv(x, w)", "NCHW", {"w": SWAP.reshape(3, 3, 1, 1)}, "NCHW"),
    "Conv with a bias": (
        "y = Conv(x, w, c)", "NCHW", {"w": SWAP.reshape(3, 3, 1, 1), "c": COLOUR}, "NCHW",
    ),
    "Conv channel by channel": (
        "y = Conv<group = 3>(x, w)", "NCHW", {"w": COLOUR.reshape(3, 1, 1, 1)}, "NCHW",
    ),
    "Conv to grey": ("y = Conv(x, w)", "NCHW", {"w": GREY.reshape(1, 3, 1, 1)}, "NCHW"),
    "MatMul": ("y = MatMul(x, w)", "NHWC", {"w": GREY.reshape(3, 1)}, "NHWC"),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_a_step_of_preprocessing(name):
    body, layout, constants, roles = STEPS[name]
    proto = opened(body, layout, **constants)
    (held,) = stepped(proto, layout)
    require_holds(held, values(proto, layout))
    assert "".join(held.roles) == roles


def test_a_batch_normalisation_is_a_step():
    numbers = {"g": COLOUR, "b": COLOUR, "m": COLOUR + 1, "v": COLOUR**2}
    proto = opened("y = BatchNormalization(x, g, b, m, v)", **numbers)
    (held,) = stepped(proto)
    np.testing.assert_allclose(
        held.weights @ COLOUR + held.shift, values(proto)[0, :, 0, 0], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("body", "constants", "lengths"),
    [
        ("a, b, y = Split<axis = 1>(x)", {}, (1, 1, 1)),
        ("a, y = Split<axis = 1>(x, n)", {"n": ints(1, 2)}, (1, 2)),
        ("a, y = Split<axis = 1>(x)", {"opset": 18}, (2, 1)),
        ("a, y = Split<axis = 2>(x)", {}, (3, 3)),
    ],
)
def test_parts_of_a_split(body, constants, lengths):
    if "opset" in constants:
        body = body.replace("axis = 1", "axis = 1, num_outputs = 2")
    proto = opened(body, **constants)
    names = Graph(proto).nodes[0].outputs
    parts = stepped(proto)
    assert tuple(p.count for p in parts) == lengths
    proto.graph.output.extend(type(proto.graph.output[0])(name=n) for n in names if n != "y")
    for part, value in zip(parts, values(proto, outputs=names), strict=True):
        require_holds(part, value)


def parts_beside(body, **known):
    made = graph(body)
    return step(made, made.nodes[-1], known, {})


def test_channels_stand_beside_each_other_again():
    start = Pixels.of_input("NCHW", 3)
    red, blue = start.rows([0]), start.rows([2])
    (held,) = parts_beside("y = Concat<axis = 1>(b, r)", r=red, b=blue)
    np.testing.assert_array_equal(held.weights, np.eye(3)[[2, 0]])
    # Channels that had been taken one by one, on an axis of their own.
    apart = [p.laid_out("N", "-", "H", "W") for p in (red, blue)]
    (held,) = parts_beside("y = Concat<axis = 1>(r, b)", r=apart[0], b=apart[1])
    assert held.roles == tuple("NCHW")
    for wrong in (
        {"r": red, "b": blue.laid_out("N", "H", "W", "C")},
        {"r": red},
        {"r": red, "b": blue.freed("shift", graph("y = Neg(x)").nodes[0])},
    ):
        assert parts_beside("y = Concat<axis = 1>(r, b)", **wrong) is None
    assert parts_beside("y = Concat<axis = 2>(r, b)", r=red, b=blue) is None
    (held,) = parts_beside("y = Add(r, b)", r=red, b=blue)
    np.testing.assert_array_equal(held.weights, [[1, 0, 1]])


def test_a_picture_s_own_statistics_no_longer_matter():
    numbers = {"g": COLOUR, "b": COLOUR}
    (held,) = stepped(opened("y = InstanceNormalization(x, g, b)", **numbers))
    assert held.free == {"shift", "scale"}


def test_ends_of_a_slice_that_the_graph_counts():
    """Half of the channels, as the graph computes it."""
    proto = opened("y = Slice(x, b, n, k)", b=ints(0), k=ints(1), n=ints(2))
    expected = values(proto)
    del proto.graph.initializer[-1]
    (held,) = stepped(proto, counts={"n": ints(2)})
    require_holds(held, expected)
    assert stepped(proto) is None


NO_STEPS = {
    "an activation": ("y = Relu(x)", {}),
    "another domain": ("y = com.microsoft.Gelu(x)", {}),
    "the picture as a weight": ("y = Conv(w, x)", {"w": np.ones((1, 3, 4, 6), np.float32)}),
    "a kernel over places": ("y = Conv(x, w)", {"w": np.ones((1, 3, 3, 3), np.float32)}),
    "a strided kernel": ("y = Conv<strides = [2,2]>(x, w)", {"w": SWAP.reshape(3, 3, 1, 1)}),
    "a padded kernel": ("y = Conv<pads = [0,0,1,1]>(x, w)", {"w": SWAP.reshape(3, 3, 1, 1)}),
    "a network's mixture": (
        "y = Conv(x, w)", {"w": np.random.default_rng(0).normal(size=(8, 3, 1, 1))},
    ),
    "a bias of another length": (
        "y = Conv(x, w, c)", {"w": SWAP.reshape(3, 3, 1, 1), "c": np.ones(1, np.float32)},
    ),
    "a product of columns": ("y = MatMul(x, w)", {"w": np.ones((6, 6), np.float32)}),
    "a mean of rows": ("y = ReduceMean<axes = [2]>(x)", {}),
    "a mean of all": ("y = ReduceMean(x)", {}),
    "one row": ("y = Gather<axis = 2>(x, k)", {"k": np.array(1)}),
    "a channel that is none": ("y = Gather<axis = 1>(x, k)", {"k": ints(0, 3)}),
    "a table of channels": ("y = Gather<axis = 1>(x, k)", {"k": ints(0, 1).reshape(1, 2)}),
    "no channel left": (
        "y = Slice(x, k, k, k)", {"k": ints(1)},
    ),
    "a step of zero": ("y = Slice(x, b, e, e, b)", {"b": ints(0), "e": ints(1)}),
    "a part too many": ("a, y = Split<axis = 1>(x, n)", {"n": ints(2, 2)}),
    "an order that is none": ("y = Transpose<perm = [0,1,1,3]>(x)", {}),
    "a place squeezed away": ("y = Squeeze(x, k)", {"k": ints(2)}),
    "what is squeezed is not told": ("y = Squeeze(x)", {}),
    "a shape that is computed": ("s = Shape(x) y = Reshape(x, s)", {}),
    "no shape": ("y = Reshape(x, k)", {"k": ints()}),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_STEPS)
def test_what_is_no_step(name):
    body, constants = NO_STEPS[name]
    assert stepped(opened(body, **constants)) is None


def test_axes_of_unknown_meaning_are_not_followed():
    lost = Pixels.of_input("NCHW", 3).laid_out()
    assert stepped(opened("y = Cast<to = 11>(x)"), held=lost) is None


@pytest.mark.parametrize(
    ("body", "constants"),
    [
        ("y = ReduceMean<axes = [1,-1]>(x)", {}),
        ("y = ReduceMean(x)", {}),
        ("y = ReduceSum(x, k)", {"k": ints(-2)}),
        ("y = ReduceSum<noop_with_empty_axes = 1>(x)", {}),
        ("y = GlobalAveragePool(x)", {}),
    ],
)
def test_axes_of_a_reduction_are_those_that_get_one(body, constants):
    proto = opened(body, **constants)
    value = values(proto)
    gone = {k for k, (n, m) in enumerate(zip(SHAPES["NCHW"], value.shape, strict=True)) if n > m}
    found = reduced_axes(Graph(proto), Graph(proto).nodes[0], 4)
    assert found - {0} == gone  # the batch has one picture


def test_axes_that_the_file_does_not_fix():
    made = graph("y = ReduceSum(x, k)", "float[1,3,4,6] x, int64[1] k")
    assert reduced_axes(made, made.nodes[0], 4) is None
