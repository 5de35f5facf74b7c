"""What a position sees, against what changes when one position of the input does."""

import tracemalloc

import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented

from onnxplain.graph.reach import Place, Reach, reach
from onnxplain.graph.view import Graph
from tests.convert.oracle import session
from tests.graph.written import graph, model

SHAPE = (2, 4, 7, 9)


def ints(*values):
    return np.array(values, np.int64)


def engine(proto):
    """ONNX Runtime, or onnx's reference where that has no double precision."""
    try:
        return session(proto).run
    except NotImplemented:
        return ReferenceEvaluator(proto).run


def found(body, axis, *, shape=SHAPE, out=None, opset=17, **constants):
    """What is said, and what really reaches each position: an (output, input) array."""
    proto = model(body, f"double[{','.join(map(str, shape))}] x", "double y", opset, **constants)
    run = engine(proto)
    x = np.random.default_rng(0).uniform(0.5, 1.5, shape)
    still = run(None, {"x": x})[0]
    out = axis if out is None else out
    sees = np.zeros((still.shape[out], shape[axis]), bool)
    others = tuple(k for k in range(still.ndim) if k != out)
    for k in range(shape[axis]):
        changed = x.copy()
        index = [slice(None)] * len(shape)
        index[axis] = k
        changed[tuple(index)] += np.random.default_rng(k).uniform(1, 2, changed[tuple(index)].shape)
        sees[:, k] = (run(None, {"x": changed})[0] != still).any(axis=others)
    graph = Graph(proto)
    place = Place(graph, graph.nodes[-1], {"x": shape, "y": still.shape}, "x", axis,
                  shape[axis], still.shape[out])  # fmt: skip
    return reach(place), sees


def ends(sees):
    """First and last position that is seen; none is written as Reach writes it."""
    count = sees.shape[1]
    first = np.where(sees.any(1), sees.argmax(1), count)
    return first, np.where(sees.any(1), count - 1 - sees[:, ::-1].argmax(1), -1)


W = np.random.default_rng(0).uniform(0.5, 1, (4, 4, 3, 2))
LEFT = {"b": ints(0, 1), "e": ints(9, 7), "a": ints(3, 2), "t": ints(2, 3)}
# Body, axis, constants; what is said is exactly what is seen.
EXACT = {
    "elementwise": ("y = Exp(x)", 2, {}),
    "a constant beside": ("y = Mul(x, c)", 3, {"c": np.ones(9)}),
    "Conv": ("y = Conv<strides = [2,1], pads = [1,0,2,0]>(x, w)", 2, {"w": W}),
    "dilated": ("y = Conv<dilations = [2,3]>(x, w)", 3, {"w": W}),
    "SAME": ('y = Conv<auto_pad = "SAME_UPPER", strides = [2,2]>(x, w)', 2, {"w": W}),
    "far padding": ("y = Conv<pads = [4,0,4,0]>(x, w)", 2, {"w": W}),
    "AveragePool": ("y = AveragePool<kernel_shape = [3,2], strides = [2,2]>(x)", 2, {}),
    "ConvTranspose": ("y = ConvTranspose<strides = [3,2], pads = [1,0,0,1]>(x, w)", 2, {"w": W}),
    "gaps of ConvTranspose": ("y = ConvTranspose<strides = [4,4]>(x, w)", 3, {"w": W}),
    "Pad": ("y = Pad(x, p)", 2, {"p": ints(0, 0, 2, 0, 0, 0, 1, 0)}),
    "Pad of one axis": ("y = Pad(x, p, , a)", 3, {"p": ints(2, 1), "a": ints(-1)}),
    "Pad of the other axis": ("y = Pad(x, p, , a)", 2, {"p": ints(2, 1), "a": ints(-1)}),
    "Pad that cuts": ("y = Pad(x, p)", 3, {"p": ints(0, 0, 0, -2, 0, 0, 0, 1)}),
    "Pad by reflection": (
        'y = Pad<mode = "reflect">(x, p)', 2, {"p": ints(0, 0, 3, 0, 0, 0, 2, 0)},
    ),
    "Pad by the edge": ('y = Pad<mode = "edge">(x, p)', 3, {"p": ints(0, 0, 0, 3, 0, 0, 0, 2)}),
    "Slice": ("y = Slice(x, b, e, a, t)", 2, LEFT),
    "Slice of another axis": ("y = Slice(x, b, e, a, t)", 1, LEFT),
    "Slice to the very beginning": (
        "y = Slice(x, b, e, a, t)", 3,
        {"b": ints(-2), "e": ints(-(2**62)), "a": ints(-1), "t": ints(-2)},
    ),
    "Concat": ("y = Concat<axis = 1>(x, x)", 2, {}),
    "Concat in front": ("y = Concat<axis = 2>(x, c)", 2, {"c": np.ones((2, 4, 3, 9))}),
    "matrix product": ("y = MatMul(x, m)", 2, {"m": np.ones((9, 9)) + W[0, 0, 0, 0]}),
    "Softmax of another axis": ("y = Softmax<axis = 1>(x)", 2, {}),
    "SpaceToDepth": ("y = SpaceToDepth<blocksize = 2>(x)", 2, {}),
    "DepthToSpace": ("y = DepthToSpace<blocksize = 2>(x)", 3, {}),
    "Resize": ('y = Resize<mode = "linear">(x, , s)', 3, {"s": np.float32([1, 1, 1, 2])}),
    "Resize in whole steps": (
        'y = Resize<coordinate_transformation_mode = "asymmetric", nearest_mode = "floor">(x, , s)',
        2, {"s": np.float32([1, 1, 3, 1])},
    ),
    "reduction of another axis": ("y = ReduceSum(x, a)", 2, {"a": ints(1)}),
}  # fmt: skip
SHAPES = {"SpaceToDepth": (1, 2, 6, 4)}


@pytest.mark.parametrize("name", EXACT)
def test_what_is_seen_is_told_exactly(name):
    body, axis, constants = EXACT[name]
    opset = 18 if "Pad" in body else 17
    said, sees = found(body, axis, shape=SHAPES.get(name, SHAPE), opset=opset, **constants)
    first, last = ends(sees)
    np.testing.assert_array_equal(said.first, first)
    np.testing.assert_array_equal(said.last, last)
    assert not said.mixes


# What mixes all places of the axis is said so.
MIXING = {
    "matrix product": ("y = MatMul(x, m)", 3, {"m": W[:3, :3, :, 0].reshape(9, 3)}),
    "Softmax": ("y = Softmax<axis = 2>(x)", 2, {}),
    "LayerNormalization": ("y = LayerNormalization<axis = 2>(x, m)", 3, {"m": np.ones((7, 9))}),
    "reduction": ("y = ReduceMean<axes = [2]>(x)", 2, {}),
    "an operator that is not known": ("y = CumSum(x, a)", 2, {"a": np.array(2)}),
    "channels of a convolution": ("y = Conv(x, w)", 1, {"w": W}),
}


@pytest.mark.parametrize("name", MIXING)
def test_what_mixes_sees_everything(name):
    body, axis, constants = MIXING[name]
    said, sees = found(body, axis, **constants)
    assert said.mixes
    assert (said.first == 0).all()
    assert (said.last == SHAPE[axis] - 1).all()
    assert sees.any()


# Something else is said than what is seen, but never too little.
WIDER = {
    "an old Softmax flattens": ("y = Softmax<axis = 2>(x)", 3, 11, {}),
    "cubic": ('y = Resize<mode = "cubic">(x, , s)', 3, 17, {"s": np.float32([1, 1, 1, 2])}),
}  # fmt: skip


@pytest.mark.parametrize("name", WIDER)
def test_never_too_little(name):
    body, axis, opset, constants = WIDER[name]
    said, sees = found(body, axis, opset=opset, **constants)
    first, last = ends(sees)
    assert (said.first <= first).all()
    assert (said.last >= last).all()


def place(body, operand="x", axis=2, source=7, count=7, **more):
    constants = more.pop("constants", {})
    made = Graph(model(body, "double[2,4,7,9] x, double[9,9] z", "double y", **constants))
    shapes = {"x": SHAPE, "z": (9, 9), "y": SHAPE}
    return Place(made, made.nodes[0], shapes, operand, axis, source, count, **more)


def test_parts_of_a_concat():
    """The second part stands behind the first one."""
    said = reach(place("y = Concat<axis = 2>(x, x)", count=14, offset=7))
    np.testing.assert_array_equal(said.first, [7] * 7 + [*range(7)])
    np.testing.assert_array_equal(said.last, [-1] * 7 + [*range(7)])


def test_a_product_of_two_moving_operands_mixes():
    assert reach(place("y = MatMul(x, z)")).mixes
    constants = {"m": np.ones((9, 9))}
    assert not reach(place("y = MatMul(x, m)", constants=constants)).mixes
    turned = "y = com.microsoft.FusedMatMul<transA = 1>(x, m)"
    assert reach(place(turned, constants=constants)).mixes


def test_what_the_file_does_not_fix_sees_everything():
    constants = {"b": ints(1), "e": ints(6), "a": ints(2), "t": ints(2)}
    for body in (
        "y = Pad(x, z)",
        "y = Pad(x, b, , z)",
        "y = Slice(x, z, z)",
        "y = Slice(x, b, z, a)",
        "y = Slice(x, b, e, z)",
        "y = Slice(x, b, e, a, z)",
        "y = Conv<channels_last = 1>(x, z)",
    ):
        used = {k: v for k, v in constants.items() if f" {k}," in body or f" {k})" in body}
        assert reach(place(body, constants=used)).mixes, body
    for how in ("output_shape = [14,18]", 'auto_pad = "SAME_UPPER"'):
        body = f"y = ConvTranspose<strides = [2,2], {how}>(x, w)"
        assert reach(place(body, count=14, constants={"w": W})).mixes
    # An axis that is named nowhere is not cut, wherever the cuts of the others lie.
    assert not reach(place("y = Slice(x, z, z, a)", axis=3, constants={"a": ints(2)})).mixes
    # The output is not as long as the slice says.
    constants = {"b": ints(1), "e": ints(3), "a": ints(2)}
    assert reach(place("y = Slice(x, b, e, a)", constants=constants)).mixes
    assert reach(place("y = Conv(x, z)", axis=-1)).mixes


def test_numbers_of_an_attribute_or_a_constant():
    here = place("y = Pad<pads = [1,2]>(x, b)", constants={"b": ints(5, 6)})
    assert here.numbers("pads", 1) == [1.0, 2.0]
    assert here.numbers("axes", 1) == [5.0, 6.0]
    assert here.numbers("axes", 4) == []
    assert place("y = Add(x, z)").numbers("pads", 1) == []
    assert here.shape == SHAPE


def windows(kernel, stride, count):
    """The reach of windows, written out."""
    first = np.arange(count) * stride
    return Reach(first, first + kernel - 1)


def test_one_behind_the_other():
    """A window of windows, by hand: 3 of stride 2 over 2 of stride 3."""
    both = windows(3, 2, 4).then(windows(2, 3, 9))
    np.testing.assert_array_equal(both.first, [0, 6, 12, 18])
    np.testing.assert_array_equal(both.last, [7, 13, 19, 25])
    nothing = Reach(ints(3), ints(-1)).then(windows(2, 3, 9))
    assert nothing.last < nothing.first


def test_joined_and_ready_made():
    both = Reach(ints(1, 4), ints(2, 4)).joined(Reach(ints(0, 9), ints(1, -1)))
    assert (both.first.tolist(), both.last.tolist()) == ([0, 4], [2, 4])
    same, everything = Reach.same(3), Reach.everything(2, 5)
    assert (same.first.tolist(), same.last.tolist()) == ([0, 1, 2], [0, 1, 2])
    assert (everything.first.tolist(), everything.last.tolist()) == ([0, 0], [4, 4])
    assert (same.mixes, everything.mixes) == (False, True)
    given = Reach.of(ints(2, -1, 1, 9, 9, 9).reshape(3, 2), 5)
    assert (given.first.tolist(), given.last.tolist()) == ([2, 1, 5], [2, 1, -1])


def test_any_stretch_behind_any_other_is_as_a_loop_says():
    rng = np.random.default_rng(0)
    for _ in range(200):
        count, middle = rng.integers(1, 40, 2)
        outer = Reach(rng.integers(0, middle + 1, count), rng.integers(-1, middle, count))
        inner = Reach(rng.integers(0, 50, middle), rng.integers(-1, 50, middle))
        both = outer.then(inner)
        for k, (first, last) in enumerate(zip(outer.first, outer.last, strict=True)):
            seen = range(first, last + 1)
            low = min((inner.first[n] for n in seen), default=np.iinfo(np.int64).max)
            high = max((inner.last[n] for n in seen), default=-1)
            assert (both.first[k], both.last[k]) == (low, max(high, -1))


def test_a_kernel_as_long_as_the_axis_takes_memory_for_one_entry_a_position():
    count = 1 << 17
    made = graph(
        f"y = MaxPool<kernel_shape=[1,{count}], pads=[0,{count},0,0]>(x)",
        inputs=f"float[1,1,1,{count}] x",
    )
    place = Place(made, made.nodes[0], {"x": (1, 1, 1, count)}, "x", 3, count, count + 1)
    tracemalloc.start()
    seen = reach(place)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100 * count
    # The first window lies in front of the axis, and the last one holds all of it.
    assert (seen.last[0], seen.last[1], seen.first[-1], seen.last[-1]) == (-1, 0, 0, count - 1)
