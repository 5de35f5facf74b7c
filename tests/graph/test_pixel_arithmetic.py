"""Arithmetic on tensors that hold the picture, against onnx's reference on pictures of one colour.

``values = weights @ colour + shift`` is asked of three colours and of black: four equations, so
that weights and shift are found by solving, not by the rules under test.
"""

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from onnxplain.graph.pixel_arithmetic import clip, combine, product, quantise, scale, whiten
from onnxplain.graph.pixels import Pixels
from onnxplain.graph.view import Graph
from tests.graph.written import model

NCHW, NHWC = (1, 3, 4, 6), (1, 4, 6, 3)
THREE = np.float32([2, 3, 5])
PICTURE = np.random.default_rng(0).uniform(1, 9, NCHW).astype(np.float32)


def opened(body, layout="NCHW", **constants):
    shape = NCHW if layout == "NCHW" else NHWC
    return model(body, f"float[{','.join(map(str, shape))}] x", "float y", **constants)


def start(layout="NCHW"):
    return Pixels.of_input(layout, 3)


def measured(proto, layout="NCHW", out="NCHW"):
    """Weights and shift of the mean over all places, of what the reference computes."""
    shape = NCHW if layout == "NCHW" else NHWC
    over = tuple(k for k, role in enumerate(out) if role != "C")
    place = layout.index("C")

    def value(colour):
        along = [1, 1, 1, 1]
        along[place] = 3
        x = np.broadcast_to(np.reshape(colour, along), shape).astype(np.float32)
        return ReferenceEvaluator(proto).run(None, {"x": x})[0].mean(axis=over, dtype=float)

    black = np.atleast_1d(value(np.zeros(3)))
    return np.stack([np.atleast_1d(value(row)) - black for row in np.eye(3)], axis=1), black


def same(held, proto, layout="NCHW"):
    weights, shift = measured(proto, layout, held.roles)
    np.testing.assert_allclose(held.weights, weights, atol=1e-5)
    np.testing.assert_allclose(held.shift, shift, atol=1e-5)


def scaled(proto, layout="NCHW"):
    made = Graph(proto)
    return scale(made, made.nodes[0], "x", start(layout))


CHANNELS = THREE.reshape(3, 1, 1)
SCALES = {
    "Add": ("y = Add(x, c)", "NCHW", CHANNELS),
    "Add in front": ("y = Add(c, x)", "NCHW", CHANNELS),
    "Sum": ("y = Sum(x, c)", "NCHW", CHANNELS[None]),
    "Sub": ("y = Sub(x, c)", "NCHW", CHANNELS),
    "Sub from": ("y = Sub(c, x)", "NCHW", CHANNELS),
    "Mul": ("y = Mul(x, c)", "NCHW", CHANNELS),
    "Mul by a number": ("y = Mul(c, x)", "NCHW", np.float32(0.25)),
    "Div": ("y = Div(x, c)", "NCHW", CHANNELS),
    "Div by one number": ("y = Div(x, c)", "NCHW", np.float32([8])),
    "channels last": ("y = Sub(x, c)", "NHWC", THREE),
    "a longer constant": ("y = Add(x, c)", "NHWC", THREE.reshape(1, 1, 1, 1, 3)),
}


@pytest.mark.parametrize("name", SCALES)
def test_scale(name):
    body, layout, constant = SCALES[name]
    proto = opened(body, layout, c=constant)
    (held,) = scaled(proto, layout)
    same(held, proto, layout)
    assert held.roles == ("-",) * (constant.ndim - 4) + tuple(layout)
    assert [n.output for n in held.nodes] == ["y"]


NO_SCALES = {
    "a constant divided": ("y = Div(c, x)", CHANNELS),
    "a division by zero": ("y = Div(x, c)", np.float32([1, 0, 2]).reshape(3, 1, 1)),
    "another operator": ("y = Pow(x, c)", np.float32(2)),
    "one value for each column": ("y = Mul(x, c)", np.ones(6, np.float32)),
    "values for rows and columns": ("y = Mul(x, c)", np.ones((4, 6), np.float32)),
    "nothing": ("y = Add(x, c)", np.ones((3, 1, 0), np.float32)),
    "one thing more": ("y = Sum(x, c, c)", np.float32(1)),
}


@pytest.mark.parametrize("name", NO_SCALES)
def test_what_scales_nothing(name):
    body, constant = NO_SCALES[name]
    assert scaled(opened(body, c=constant)) is None


def test_a_computed_factor_is_none():
    made = Graph(opened("y = Mul(x, x2) x2 = Neg(x)"))
    assert scale(made, made.nodes[0], "x", start()) is None


def test_grey_becomes_colour():
    """One channel and a constant of three: the axis of the constant holds the channels."""
    made = Graph(opened("y = Sub(g, c)", c=THREE))
    grey = start().rows([1]).laid_out("N", "H", "W", "-")
    (held,) = scale(made, made.nodes[0], "g", grey)
    assert held.roles == tuple("NHWC")
    np.testing.assert_array_equal(held.weights, np.eye(3)[[1, 1, 1]])
    np.testing.assert_array_equal(held.shift, -THREE)


@pytest.mark.parametrize("op", ["Sub", "Add"])
def test_of_a_mean_picture_its_mean_counts(op):
    proto = opened(f"y = {op}(x, c)", c=PICTURE)
    (held,) = scaled(proto)
    same(held, proto)
    assert held.mean_picture
    # Only behind it may a picture of deviations divide; the mean of what it divides by counts.
    divided = Graph(opened("y = Div(s, c)", c=PICTURE))
    (after,) = scale(divided, divided.nodes[0], "s", held)
    means = PICTURE.mean(axis=(0, 2, 3), dtype=float)
    np.testing.assert_allclose(after.weights, np.diag(1 / means), rtol=1e-6)
    assert scale(divided, divided.nodes[0], "s", start()) is None
    negative = Graph(opened("y = Div(s, c)", c=-PICTURE))
    assert scale(negative, negative.nodes[0], "s", held) is None


def test_a_mean_picture_that_is_no_number_is_none():
    broken = PICTURE.copy()
    broken[0, 1, 2, 3] = np.nan
    assert scaled(opened("y = Sub(x, c)", c=broken)) is None


def combined(body, **known):
    proto = opened(body)
    return combine(Graph(proto).nodes[-1], known)


def test_sums_of_single_channels():
    red, green, blue = (start().rows([k]) for k in range(3))
    (held,) = combined("y = Mean(r, g, b)", r=red, g=green, b=blue)
    np.testing.assert_allclose(held.weights, np.full((1, 3), 1 / 3))
    (held,) = combined("y = Sub(r, b)", r=red, b=blue)
    np.testing.assert_array_equal(held.weights, [[1, 0, -1]])
    (held,) = combined("y = Sum(r, g, g)", r=red, g=green)
    np.testing.assert_array_equal(held.weights, [[1, 2, 0]])
    assert combined("y = Mul(r, g)", r=red, g=green) is None
    assert combined("y = Add(r, unknown)", r=red) is None
    assert combined("y = Add(r, g)", r=red, g=green.laid_out("N", "H", "W", "C")) is None


NODE = Graph(opened("y = Conv(x, w)", w=np.ones((3, 3, 1, 1), np.float32))).nodes[0]
GREY = np.array([[0.299, 0.587, 0.114]])


@pytest.mark.parametrize(
    ("matrix", "is_preprocessing"),
    [
        (np.eye(3)[::-1] * 2, True),  # swapped and scaled
        (GREY, True),
        (np.repeat(GREY, 3, axis=0), True),  # grey in three channels
        (GREY * 0.5, False),
        (np.eye(3)[:2] * 2, False),  # a channel is lost
        (np.array([[1.5, -0.5, 0.0]]), False),
        (np.random.default_rng(0).normal(size=(3, 3)), False),
    ],
)
def test_which_products_are_preprocessing(matrix, is_preprocessing):
    found = product(start(), matrix, np.full(len(matrix), 7.0), NODE)
    assert (found is not None) == is_preprocessing
    if found is not None:
        np.testing.assert_array_equal(found[0].weights, matrix)
        np.testing.assert_array_equal(found[0].shift, np.full(len(matrix), 7.0))


BATCH = "y = BatchNormalization<epsilon = 0.5>(x, g, b, m, v)"


def normalised(body=BATCH, layout="NCHW", **changes):
    numbers = {"g": THREE, "b": THREE - 4, "m": 10 * THREE, "v": THREE**2, **changes}
    proto = opened(body, layout, **{k: v for k, v in numbers.items() if f" {k}" in body})
    made = Graph(proto)
    return proto, whiten(made, made.nodes[0], start(layout))


def test_batch_normalisation():
    proto, (held,) = normalised()
    same(held, proto)
    (limit,) = held.limits
    assert (limit.kind, limit.tensor) == ("whitened", "y")
    # What training measured has mean zero and deviation one there.
    np.testing.assert_allclose(limit.weights @ (10 * THREE) + limit.shift, 0, atol=1e-6)
    np.testing.assert_allclose(np.diag(limit.weights), 1 / np.sqrt(THREE**2 + 0.5), rtol=1e-6)


def test_an_untrained_normalisation_measured_nothing():
    _, (held,) = normalised(m=np.zeros(3, np.float32), v=np.ones(3, np.float32))
    assert held.limits == ()


def test_no_batch_normalisation_of_channels():
    assert normalised(g=np.ones(2, np.float32))[1] is None
    assert normalised(layout="NHWC")[1] is None
    everywhere = BATCH.replace("epsilon", "spatial = 0, epsilon")
    assert normalised(everywhere)[1] is None


def quantised(body, held=None, **constants):
    made = Graph(opened(body, **constants))
    return quantise(made, made.nodes[0], held or start())


def test_quantisation_rounds_within_what_it_can_hold():
    """0.5 (q - 100) of q from 0 to 255, in numbers of the file."""
    step, zero = np.float32(0.5), np.uint8(100)
    (held,) = quantised("y = QuantizeLinear(x, s, z)", s=step, z=zero)
    (limit,) = held.limits
    assert (limit.kind, limit.low, limit.high) == ("quantised", -50.0, 77.5)
    assert held.rounded
    there_and_back = "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)"
    proto = opened(there_and_back, opset=21, s=step, z=zero)
    low, high = (
        ReferenceEvaluator(proto).run(None, {"x": np.full(NCHW, v, np.float32)})[0]
        for v in (-1e4, 1e4)
    )
    assert (low.max(), high.min()) == (limit.low, limit.high)
    (back,) = quantised("y = DequantizeLinear(x, s, z)", held, s=step, z=zero)
    assert not back.rounded
    np.testing.assert_array_equal(back.weights, np.eye(3))
    # Signed, and without a zero point.
    (held,) = quantised("y = QuantizeLinear(x, s, z)", s=step, z=np.int8(0))
    assert (held.limits[0].low, held.limits[0].high) == (-64.0, 63.5)
    (held,) = quantised("y = QuantizeLinear(x, s)", s=step)
    assert (held.limits[0].low, held.limits[0].high) == (0.0, 127.5)


def test_whole_numbers_are_made_values():
    """Behind the picture's own integers, a scale is a scale."""
    (held,) = quantised("y = DequantizeLinear(x, s, z)", s=np.float32(0.5), z=np.uint8(100))
    np.testing.assert_array_equal(held.weights, np.eye(3) * 0.5)
    np.testing.assert_array_equal(held.shift, [-50.0] * 3)


@pytest.mark.parametrize(
    "constants",
    [
        {"s": np.float32([1, 2, 3]), "z": np.uint8([0, 0, 0])},
        {"s": np.float32(0), "z": np.uint8(0)},
        {"s": np.float32(-1), "z": np.uint8(0)},
        {"s": np.float32(1), "z": np.float32(0)},
        {"s": np.ones((1, 1), np.float32), "z": np.uint8(0)},
        {},
    ],
)
def test_quantisation_that_is_not_followed(constants):
    assert quantised("y = QuantizeLinear(x, s, z)", **constants) is None


CLIPS = {
    "both": ("y = Clip(x, a, b)", -1.0, 3.0),
    "only the lower one": ("y = Clip(x, a)", -1.0, np.inf),
    "only the upper one": ("y = Clip(x, , b)", -np.inf, 3.0),
    "none": ("y = Clip(x)", -np.inf, np.inf),
    "Min": ("y = Min(x, b)", -np.inf, 3.0),
    "Max": ("y = Max(x, a)", -1.0, np.inf),
}


@pytest.mark.parametrize("name", CLIPS)
def test_clip(name):
    body, low, high = CLIPS[name]
    limits = {"a": np.float32(-1), "b": np.float32([3])}
    proto = opened(body, **{k: v for k, v in limits.items() if f", {k}" in body})
    made = Graph(proto)
    (held,) = clip(made, made.nodes[0], start())
    assert (held.limits[0].low, held.limits[0].high, held.limits[0].kind) == (low, high, "clipped")
    ends = [
        ReferenceEvaluator(proto).run(None, {"x": np.full(NCHW, v, np.float32)})[0].flat[0]
        for v in (-1e9, 1e9)
    ]
    assert ends == [max(low, -1e9), min(high, 1e9)]


def test_clips_of_old_files_and_what_is_none():
    old = Graph(model("y = Clip<min = 0.0, max = 6.0>(x)", "float[1,3,4,6] x", "float y", opset=6))
    (held,) = clip(old, old.nodes[0], start())
    assert (held.limits[0].low, held.limits[0].high) == (0.0, 6.0)
    for constants in ({"a": np.float32(3), "b": np.float32(1)}, {"a": np.float32(3), "b": THREE}):
        made = Graph(opened("y = Clip(x, a, b)", **constants))
        assert clip(made, made.nodes[0], start()) is None
    made = Graph(opened("y = Max(x, x2) x2 = Neg(x)"))
    assert clip(made, made.nodes[0], start()) is None
