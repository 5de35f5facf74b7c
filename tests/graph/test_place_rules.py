"""Places behind each operator, against what it makes of pictures of their own coordinates."""

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from onnxplain.graph.place_rules import Step, next_places
from onnxplain.graph.places import TooManyPlacesError, picture_places
from onnxplain.graph.shape_values import ShapeValues
from onnxplain.graph.view import Graph
from tests.graph.written import model

SHAPE = (1, 2, 6, 8)
ROWS, COLUMNS = (
    np.broadcast_to(a, SHAPE).astype(np.float32)
    for a in (np.arange(6)[:, None], np.arange(8)[None, :])
)


def opened(body, outputs="float y", **constants):
    return model(body, "float[1,2,6,8] image", outputs, opset=17, **constants)


def places(proto, outputs=("y",)):
    """Places of the outputs of a file, by one rule after the other."""
    made = Graph(proto)
    found = {"image": picture_places(SHAPE, "NCHW")}
    shapes = {"image": SHAPE}
    for node in made.nodes:
        for name in node.outputs:
            shapes[name] = shape_of(proto, name)
        step = Step(made, node, shapes, found, ShapeValues(made, shapes))
        for name in node.outputs:
            after = next_places(step, name)
            if after is not None:
                found[name] = after
    return [found.get(name) for name in outputs]


def with_output(proto, name):
    """The same file with another tensor as its output."""
    other = type(proto).FromString(proto.SerializeToString())
    del other.graph.output[:]
    other.graph.output.add().name = name
    return other


def run(proto, x, name="y"):
    """A tensor in onnx's reference implementation."""
    (found,) = ReferenceEvaluator(with_output(proto, name)).run(None, {"image": x})
    return found


def shape_of(proto, name):
    return run(proto, ROWS, name).shape


def middles(found):
    """Middle row and column of each element."""
    top, bottom, left, right = (np.broadcast_to(a, found.shape) for a in found.at)
    return (top + bottom) / 2, (left + right) / 2


def ints(*values):
    return np.array(values, np.int64)


# Each element of `y` is one of the picture.
MOVES = {
    "Identity": ("y = Identity(image)", {}),
    "Neg twice": ("a = Neg(image) y = Neg(a)", {}),
    "Transpose": ("y = Transpose<perm = [0,3,1,2]>(image)", {}),
    "Transpose of all": ("y = Transpose(image)", {}),
    "Reshape": ("y = Reshape(image, s)", {"s": ints(0, 2, -1)}),
    "Reshape to patches": ("y = Reshape(image, s)", {"s": ints(1, 2, 3, 2, 4, 2)}),
    "Flatten": ("y = Flatten<axis = 2>(image)", {}),
    "Squeeze": ("y = Squeeze(image, k)", {"k": ints(0)}),
    "Squeeze of what it finds": ("y = Squeeze(image)", {}),
    "Unsqueeze": ("y = Unsqueeze(image, k)", {"k": ints(-1, 1)}),
    "Gather": ("y = Gather<axis = 2>(image, k)", {"k": ints(5, -6, 1)}),
    "Gather of one": ("y = Gather<axis = 3>(image, k)", {"k": np.array(-1)}),
    "Gather of a table": ("y = Gather<axis = -1>(image, k)", {"k": ints(0, 7, 3, 3).reshape(2, 2)}),
    "GatherElements": (
        "y = GatherElements<axis = 3>(image, k)",
        {"k": np.random.default_rng(0).integers(0, 8, SHAPE)},
    ),
    "GatherND": ("y = GatherND(image, k)", {"k": ints(0, 0, 1, 0, 1, 5).reshape(2, 3)}),
    "Slice": ("y = Slice(image, b, e, k, t)",
              {"b": ints(1, -1), "e": ints(2**62, 0), "k": ints(2, -1), "t": ints(2, -3)}),
    "Slice to the very beginning": (
        "y = Slice(image, b, e, k, t)",
        {"b": ints(-1), "e": ints(-(2**31)), "k": ints(2), "t": ints(-1)},
    ),
    "Slice to half of the rows": (
        "s = Shape(image) h = Gather(s, k) e = Div(h, k) y = Slice(image, b, e, k)",
        {"k": ints(2), "b": ints(0)},
    ),
    "Concat": ("a = Neg(image) b = Neg(a) y = Concat<axis = 1>(image, b)", {}),
    "Concat of tokens": (
        "a = Reshape(image, s) b = Transpose<perm = [0,2,1]>(a) y = Concat<axis = 1>(b, b)",
        {"s": ints(1, 2, 48)},
    ),
    "Tile": ("y = Tile(image, k)", {"k": ints(1, 3, 2, 1)}),
    "Expand": ("a = Slice(image, b, e, k) y = Expand(a, s)",
               {"b": ints(0), "e": ints(1), "k": ints(1), "s": ints(2, 5, 1, 1)}),
    "SpaceToDepth": ("y = SpaceToDepth<blocksize = 2>(image)", {}),
    "ReverseSequence": (
        "a = Transpose<perm = [2,0,1,3]>(image) "
        "y = ReverseSequence<time_axis = 0, batch_axis = 1>(a, n)", {"n": ints(4)},
    ),
    "Einsum": ('y = Einsum<equation = "nchw->whnc">(image)', {}),
    "Add of nothing": ("y = Add(zeros, image)", {"zeros": np.zeros((1, 1, 1, 1), np.float32)}),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_an_operator_that_moves(name):
    body, constants = MOVES[name]
    proto = opened(body, **constants)
    (found,) = places(proto)
    for middle, coordinate in zip(middles(found), (ROWS, COLUMNS), strict=True):
        np.testing.assert_array_equal(middle, run(proto, coordinate))
    assert found.shape == shape_of(proto, "y")


def test_each_output_of_a_split():
    proto = opened("a, y, b = Split<axis = 2>(image, n)", n=ints(1, 3, 2))
    for name, found in zip("ayb", places(proto, "ayb"), strict=True):
        for middle, coordinate in zip(middles(found), (ROWS, COLUMNS), strict=True):
            np.testing.assert_array_equal(middle, run(proto, coordinate, name))


# Kernels of equal weights whose mean is the place of their middle; nothing is padded.
KERNELS = {
    "AveragePool": ("y = AveragePool<kernel_shape = [3,2], strides = [1,2]>(image)", {}),
    "Conv": ("y = Conv<strides = [2,3]>(image, w)", {"w": np.full((4, 2, 3, 3), 1 / 18)}),
    "a dilated Conv": (
        "y = Conv<dilations = [2,3]>(image, w)", {"w": np.full((1, 2, 3, 2), 1 / 12)},
    ),
    "in groups": ("y = Conv<group = 2>(image, w)", {"w": np.full((4, 1, 1, 5), 1 / 5)}),
    "GlobalAveragePool": ("y = GlobalAveragePool(image)", {}),
    "a stride of a transposed convolution": (
        "y = ConvTranspose<strides = [1,1]>(image, w)", {"w": np.full((2, 3, 1, 1), 1 / 2)},
    ),
    "enlarged": (
        'y = Resize<mode = "linear">(image, , s)', {"s": np.float32([1, 1, 2, 1.5])},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_stands_where_its_middle_does(name):
    body, constants = KERNELS[name]
    used = {k: v.astype(np.float32) for k, v in constants.items()}
    proto = opened(body, **used)
    (found,) = places(proto)
    for middle, coordinate in zip(middles(found), (ROWS, COLUMNS), strict=True):
        expected = run(proto, coordinate)
        inside = ...
        if name == "enlarged":  # beyond the outermost pixels values are repeated, places are not
            inside = (..., slice(1, -1), slice(1, -1))
        np.testing.assert_allclose(middle[inside], expected[inside], atol=1e-5)
    assert found.marks == tuple("NCHW")


def test_padding_puts_places_in_front_and_behind():
    proto = opened("y = Pad(image, p)", p=ints(0, 0, 2, 0, 0, 0, 0, 1))
    (found,) = places(proto)
    rows, columns = middles(found)
    np.testing.assert_array_equal(rows[0, 0, :, 0], np.arange(-2, 6))
    np.testing.assert_array_equal(columns[0, 0, 0], np.arange(9))
    beside = opened("y = Concat<axis = 2>(zeros, image)", zeros=np.zeros((1, 2, 2, 8), np.float32))
    np.testing.assert_array_equal(middles(places(beside)[0])[0], rows[..., :8])
    # A convolution pads by itself; the middle of its kernel walks over the padding.
    padded = opened("y = Conv<pads = [1,0,1,0]>(image, w)", w=np.ones((1, 2, 3, 1), np.float32))
    np.testing.assert_array_equal(middles(places(padded)[0])[0][0, 0, :, 0], np.arange(6))


def test_a_pixel_shuffle_fills_the_cells():
    """Channels that stood at one place share its cell."""
    body = "a = Conv<strides = [2,2]>(image, w) y = DepthToSpace<blocksize = 2>(a)"
    proto = opened(body, w=np.ones((8, 2, 2, 2), np.float32))
    rows, columns = middles(places(proto)[0])
    np.testing.assert_array_equal(rows, ROWS)
    np.testing.assert_array_equal(columns, COLUMNS)


# Sums over places: each reaches over all that it is made of.
SUMS = {
    "mean of rows": ("y = ReduceMean<axes = [2]>(image)", {}),
    "mean of rows that go": ("y = ReduceMean<axes = [2], keepdims = 0>(image)", {}),
    "greatest of a stretch": (
        "a = Reshape(image, s) y = ReduceMax<axes = [3], keepdims = 0>(a)",
        {"s": ints(1, 2, 3, 2, 8)},
    ),
    "product of patches in the channels": (
        "a = SpaceToDepth<blocksize = 2>(image) b = Transpose<perm = [0,2,3,1]>(a) "
        "y = MatMul(b, w)", {"w": np.random.default_rng(0).random((8, 3))},
    ),
    "Gemm of a turned matrix": (
        "a = Reshape(image, s) y = Gemm<transA = 1>(a, w)",
        {"s": ints(6, 16), "w": np.random.default_rng(0).random((6, 3))},
    ),
    "the second operand": (
        "a = Reshape(image, s) y = MatMul(w, a)",
        {"s": ints(2, 6, 8), "w": np.random.default_rng(0).random((3, 6))},
    ),
    "Einsum": (
        'y = Einsum<equation = "nchw,hk->nckw">(image, w)',
        {"w": np.random.default_rng(0).random((6, 2))},
    ),
    "Conv of places in the channels": (
        "a = Transpose<perm = [0,2,1,3]>(image) y = Conv(a, w)",
        {"w": np.random.default_rng(0).random((3, 6, 1, 1))},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SUMS)
def test_a_sum_reaches_over_all_that_it_is_made_of(name):
    body, constants = SUMS[name]
    proto = opened(body, **{k: v.astype("f4") if v.dtype == float else v
                            for k, v in constants.items()})  # fmt: skip
    (found,) = places(proto)
    # One pixel after the other is made so large that whatever depends on it shows it.
    x = np.zeros(SHAPE, np.float32)
    still = run(proto, x)
    reached = [[] for _ in range(still.size)]
    for index in np.ndindex(*SHAPE):
        changed = x.copy()
        changed[index] = 1e3
        for element in np.flatnonzero(run(proto, changed) != still):
            reached[element].append(index[2:])
    top, bottom, left, right = (np.broadcast_to(a, found.shape).ravel() for a in found.at)
    for element, pixels in enumerate(reached):
        (first, one), (last, other) = np.min(pixels, axis=0), np.max(pixels, axis=0)
        assert (top[element], bottom[element]) == (first, last)
        assert (left[element], right[element]) == (one, other)


def test_the_operand_with_the_most_places_is_followed():
    """A gate is the same everywhere; the sum with it stays where the map is."""
    proto = opened("g = GlobalAveragePool(image) y = Mul(g, image)")
    (found,) = places(proto)
    np.testing.assert_array_equal(middles(found)[0], ROWS)


@pytest.mark.parametrize(
    "body",
    [
        "y = com.microsoft.MultiHeadAttention<num_heads = 2>(t, t, t)",
        "y = com.microsoft.Attention<num_heads = 2>(t, packed)",
    ],
)
def test_attention_leaves_tokens_where_their_queries_stood(body):
    front = "r = Reshape(image, s) t = Transpose<perm = [0,2,1]>(r) "
    used = {"s": ints(1, 2, 48)}
    if "packed" in body:
        used["packed"] = np.ones((2, 6), np.float32)
    proto = model(front + body, "float[1,2,6,8] image", "float y", **used)
    made, known = Graph(proto), {}
    shapes = {"image": SHAPE, "r": (1, 2, 48), "t": (1, 48, 2), "y": (1, 48, 2)}
    known["image"] = picture_places(SHAPE, "NCHW")
    for node in made.nodes:
        step = Step(made, node, shapes, known, ShapeValues(made, shapes))
        known[node.output] = next_places(step, node.output)
    rows, columns = middles(known["y"])
    np.testing.assert_array_equal(rows, ROWS[0, :1].reshape(1, 48, 1).repeat(2, 2))
    np.testing.assert_array_equal(columns, COLUMNS[0, :1].reshape(1, 48, 1).repeat(2, 2))


NOT_FOLLOWED = {
    "an operator without a rule": ("y = NonZero(image)", {}),
    "a choice that the picture makes": (
        "f = Flatten(image) k = ArgMax<axis = 1>(f) s = Squeeze(k) y = Gather<axis = 2>(image, s)",
        {},
    ),
    "beyond the axis": ("y = Gather<axis = 2>(image, k)", {"k": ints(0, 6)}),
    "an abbreviated equation": ('y = Einsum<equation = "...hw->...wh">(image)', {}),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_FOLLOWED)
def test_what_is_not_followed(name):
    body, constants = NOT_FOLLOWED[name]
    made = Graph(opened(body, **constants))
    known = {"image": picture_places(SHAPE, "NCHW")}
    node = made.nodes[-1]
    shapes = {"image": SHAPE, "y": (1, 2, 2, 8)}
    assert next_places(Step(made, node, shapes, known, ShapeValues(made, shapes)), "y") is None


def step_of(body, shape, **constants):
    made = Graph(opened(body, **constants))
    shapes = {"image": SHAPE, "y": shape}
    known = {"image": picture_places(SHAPE, "NCHW")}
    return Step(made, made.nodes[0], shapes, known, ShapeValues(made, shapes))


def test_a_shape_that_does_not_fit_is_not_followed():
    body = "y = Transpose<perm = [0,1,3,2]>(image)"
    assert next_places(step_of(body, (1, 2, 8, 6)), "y").shape == (1, 2, 8, 6)
    assert next_places(step_of(body, SHAPE), "y") is None


def test_places_that_cannot_be_listed_are_refused():
    body, far = "y = Pad(image, p)", 1 << 40
    with pytest.raises(TooManyPlacesError):
        next_places(step_of(body, (1, 2, far, 8), p=ints(0, 0, far - 6, 0, 0, 0, 0, 0)), "y")
    with pytest.raises(TooManyPlacesError):
        next_places(step_of("y = Conv<pads = [1099511627776,0,0,0]>(image, w)", (1, 1, far, 8),
                            w=np.ones((1, 2, 1, 1), np.float32)), "y")  # fmt: skip


def test_what_a_step_reads():
    step = step_of("y = Slice(image, b, b)", SHAPE, b=ints(3, 1))
    assert step.integers("starts", 1) == [3, 1]
    assert step.integers("axes", 3) is None
    assert step.shape == SHAPE
    assert step.first is step.operand(0) is step.known["image"]
    assert step.operand(1) is None
    assert step.operand(7) is None
    assert step_of("y = Transpose<perm = [0,3,1,2]>(image)", SHAPE).integers("perm", 1) == [
        0, 3, 1, 2,
    ]  # fmt: skip
