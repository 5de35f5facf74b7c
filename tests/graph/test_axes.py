"""What axes mean, derived from the places of their elements."""

import numpy as np
import pytest
from handmade import context_of, model

from onnxplain.graph.axes import tag_axes, turns_first_operand
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.graph.shapes import infer_shapes
from onnxplain.network.network import Network
from tests.graph.written import graph

GRAPHS = {
    # body, tags, grid, order, as (rows, columns) of the first place
    "SpaceToDepth": ("y = SpaceToDepth<blocksize: int = 4>(image)", "NCHW", (4, 6), False),
    # The two digits of the row within a block become one of the row and one of the column.
    "every place has a row of its own": (
        "a = SpaceToDepth<blocksize: int = 4>(image) y = DepthToSpace<blocksize: int = 2>(a)",
        "NCHW", (16, 6), True,
    ),
    "there and back": (
        "a = SpaceToDepth<blocksize: int = 4>(image) y = DepthToSpace<blocksize: int = 4>(a)",
        "NCHW", (16, 24), False,
    ),
    "back in the other order of channels": (
        "a = SpaceToDepth<blocksize: int = 4>(image) "
        'y = DepthToSpace<blocksize: int = 4, mode: string = "CRD">(a)',
        "NCHW", None, None,
    ),
    "turned by Einsum": (
        'y = Einsum<equation: string = "nchw->nwhc">(image)', "NWHC", (16, 24), False,
    ),
    "mixed by Einsum": ('y = Einsum<equation: string = "nchw,cd->nhwd">(image, mix)', "NHWC",
                        (16, 24), False),
    "every second row, upside down": (
        "y = Slice(image, starts, ends, axes, steps)", "NCHW", (8, 24), True,
    ),
    "padded and enlarged": (
        'p = Pad(image, pads) y = Resize<mode: string = "linear">(p, none, scales)',
        "NCHW", (36, 56), False,
    ),
    "columns averaged away": (
        "y = ReduceMean<axes: ints = [3], keepdims: int = 1>(image)", "NCHW", (16, 1), False,
    ),
    "beside channels that are the same everywhere": (
        "p = GlobalAveragePool(image) e = Expand(p, size) y = Concat<axis: int = 1>(e, image)",
        "NCHW", (16, 24), False,
    ),
    "two pictures side by side": ("y = Concat<axis: int = 3>(image, image)", "", None, None),
}  # fmt: skip
CONSTANTS = {
    "mix": np.ones((3, 5)),
    "starts": np.array([-1]),
    "ends": np.array([-(2**31)]),
    "axes": np.array([2]),
    "steps": np.array([-2]),
    "pads": np.array([0, 0, 1, 2, 0, 0, 1, 2]),
    "none": np.zeros(0),
    "size": np.array([1, 1, 16, 24]),
    "scales": np.array([1.0, 1.0, 2.0, 2.0]),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_grids_of_maps(name):
    body, tags, grid, ordered = GRAPHS[name]
    body += " g = ReduceMean<keepdims: int = 0, axes: ints = [1, 2, 3]>(y) "
    body += "u = Unsqueeze(g, one) scores = Concat<axis: int = 1>(u, u)"
    used = {k: v for k, v in CONSTANTS.items() if k in body} | {"one": np.array([1])}
    proto = model(body, used, image="float[N,3,16,24] image")
    axes = Network(prepare(proto)).axes
    found = axes.grid_of.get("y")
    if grid is None:
        assert found is None
    else:
        assert ("".join(found.tags), found.grid, found.order is not None) == (tags, grid, ordered)


def test_an_operator_of_another_domain_is_not_taken_for_its_namesake():
    proto = model("c = Relu(image) a = Relu(c) p = GlobalAveragePool(a) scores = Flatten(p)")
    proto.graph.node[1].domain = "acme"
    proto.opset_import.add(domain="acme", version=1)
    graph = prepare(proto)
    shapes = dict.fromkeys(("image", "c", "a"), (1, 3, 6, 6))
    tags = tag_axes(graph, shapes, find_image_input(graph)).tags
    assert "c" in tags
    assert "a" not in tags


def tags_of(body, weights, rank):
    proto = model(
        body + " p = Neg(a) scores = Identity(p)", weights, output=f"float[{rank}] scores"
    )
    network = context_of(proto, output="scores").network
    return network.axes.tags.get("a")


def test_channels_last_stay_last():
    one, zero = np.array(0.1, np.float32), np.array(0, np.uint8)
    body = """
        q = QuantizeLinear(image, one, zero) t = Transpose<perm = [0,2,3,1]>(q)
        g = com.microsoft.QLinearAveragePool<channels_last = 1, kernel_shape = [2,2]>(
            t, one, zero, one, zero)
        a = DequantizeLinear(g, one, zero)
    """
    assert tags_of(body, {"one": one, "zero": zero}, "N,H,W,C") == tuple("NHWC")


def test_a_product_that_turns_its_operand_sums_over_the_last_axis_but_one():
    matrix = {"m": np.ones((3, 5))}
    last = "t = Transpose<perm = [0,2,3,1]>(image) a = com.microsoft.FusedMatMul(t, m)"
    assert tags_of(last, matrix, "N,H,W,C") == tuple("NHWC")
    turned = (
        "t = Transpose<perm = [0,2,1,3]>(image) a = com.microsoft.FusedMatMul<transA = 1>(t, m)"
    )
    assert tags_of(turned, matrix, "N,H,W,C") == tuple("NHWC")
    over_rows = "a = com.microsoft.FusedMatMul<transA = 1>(image, m)"
    assert tags_of(over_rows, {"m": np.ones((6, 5))}, "N,C,W,D") is None


def axes_of(body, shapes=None, image="float[N,3,4,6] x", **constants):
    """Axes of all tensors of nodes, with their shapes, which may be given."""
    made = graph(body, image, "float y", **constants)
    picture = find_image_input(made)
    shapes = infer_shapes(made, picture) if shapes is None else shapes
    return tag_axes(made, shapes, picture), shapes


# A pixel of every token of a stream, from the way its axes were moved.
STREAMS = {
    "rows first": ("r = Reshape(x, flat) y = Transpose<perm = [0,2,1]>(r)", None, 0),
    "columns first": (
        "t = Transpose<perm = [0,3,2,1]>(x) y = Reshape(t, last)",
        [6 * row + column for column in range(6) for row in range(4)], 0,
    ),
    "two tokens in front": (
        "r = Reshape(x, flat) t = Transpose<perm = [0,2,1]>(r) y = Concat<axis = 1>(two, t)",
        None, 2,
    ),
    "one token behind": (
        "r = Reshape(x, flat) t = Transpose<perm = [0,2,1]>(r) y = Concat<axis = 1>(t, single)",
        None, 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STREAMS)
def test_a_token_stream(name):
    body, pixels, prefix = STREAMS[name]
    used = {"flat": [0, 3, 24], "last": [0, 24, 3], "two": np.zeros((1, 2, 3), np.float32),
            "single": np.zeros((1, 1, 3), np.float32)}  # fmt: skip
    axes, shapes = axes_of(body, **{k: v for k, v in used.items() if k in body})
    assert axes.tags["y"] == ("N", "L", "C")
    assert (4, 6) in axes.grids
    grid = axes.grid_of["y"]
    assert (grid.grid, grid.prefix) == ((4, 6), prefix)
    if name == "one token behind":
        np.testing.assert_array_equal(grid.order, np.arange(24))
    elif pixels is None:
        assert grid.order is None
    else:
        # The token at `order[k]` holds the picture's pixel number k.
        np.testing.assert_array_equal(np.array(pixels)[grid.order], np.arange(24))
    assert axes.guessed == frozenset()
    assert shapes["y"][1] == 24 + prefix + (name == "one token behind")


# An operator that no rule knows, on a stream of 24 tokens.
SCATTERED = {
    "flat": [0, 3, 24],
    "i": np.zeros((1, 1, 1), np.int64),
    "v": np.zeros((1, 1, 1), np.float32),
    "bias": np.zeros((1, 1, 3), np.float32),
}


def test_a_stream_behind_an_unknown_operator_is_a_guess():
    """Its tokens come back by their number alone."""
    body = """
        r = Reshape(x, flat) t = Transpose<perm = [0,2,1]>(r) u = ScatterElements(t, i, v)
        a = Add(u, bias) y = Identity(a)
    """
    axes, _ = axes_of(body, **SCATTERED)
    assert "u" not in axes.tags
    assert axes.tags["a"] == ("N", "L", "C")
    assert {"a", "y"} <= axes.guessed
    assert "t" not in axes.guessed
    # A number of tokens that no prefix explains is not taken for the picture's.
    body = body.replace("u = Scatter", "l = Slice(t, b, e, k) u = Scatter").replace(
        "(t, i", "(l, i"
    )
    axes, shapes = axes_of(body, b=[0], e=[20], k=[1], **SCATTERED)
    assert shapes["a"] == (1, 20, 3)
    assert "a" not in axes.tags


def test_a_map_behind_an_unknown_operator_is_a_guess():
    body = """
        r = Reshape(x, flat) t = Transpose<perm = [0,2,1]>(r)
        u = ScatterElements(t, i, v) y = Reshape(u, map)
    """
    used = {k: v for k, v in SCATTERED.items() if k != "bias"}
    axes, _ = axes_of(body, map=[0, 4, 6, 3], **used)
    assert axes.tags["y"] == ("N", "H", "W", "C")
    assert "y" in axes.guessed


def test_a_tensor_without_a_shape_stays_untagged():
    body = "a = Relu(x) y = Relu(a)"
    assert set(axes_of(body)[0].tags) == {"x", "a", "y"}
    axes, _ = axes_of(body, {"x": (1, 3, 4, 6), "y": (1, 3, 4, 6)})
    assert set(axes.tags) == {"x"}


@pytest.mark.parametrize("shape", [(1, 3, 4), (1, 3, 4, 7), (), (1, 3, 4, 6, 1)])
def test_a_shape_that_is_not_the_operator_s_own_tags_nothing(shape):
    """Shapes come from a file; a wrong one ends the path without an error."""
    body = "a = Transpose<perm = [0,2,3,1]>(x) b = Concat<axis = 3>(a, a) y = Relu(b)"
    known = {"x": (1, 3, 4, 6), "a": (1, 4, 6, 3), "b": shape, "y": shape}
    axes, _ = axes_of(body, known)
    assert axes.tags["a"] == ("N", "H", "W", "C")
    assert not {"b", "y"} & set(axes.tags)


@pytest.mark.parametrize(
    "body",
    [
        'a = MaxPool<auto_pad = "SAME_UPPER", kernel_shape = [2,2], strides = [0,0]>(x)',
        "a = Transpose<perm = [0,2,9,1]>(x)",
        "a = DepthToSpace<blocksize = 0>(x)",
    ],
)
def test_nonsense_of_a_file_ends_the_path(body):
    axes, _ = axes_of(f"{body} y = Relu(a)", dict.fromkeys("xay", (1, 3, 4, 6)))
    assert set(axes.tags) == {"x"}


@pytest.mark.parametrize(("attribute", "turns"), [("transA", True), ("transBatchA", True),
                                                  ("transB", False)])  # fmt: skip
def test_products_that_turn_their_first_operand(attribute, turns):
    made = graph(f"y = com.microsoft.FusedMatMul<{attribute} = 1>(x, m)", m=np.ones((6, 6)))
    assert turns_first_operand(made.nodes[0]) is turns
    plain = graph(f"y = com.microsoft.FusedMatMul<{attribute} = 0>(x, m)", m=np.ones((6, 6)))
    assert not turns_first_operand(plain.nodes[0])
