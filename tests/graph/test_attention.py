"""Attention layers: which there are, their weights against NumPy, where the tokens stand."""

import numpy as np
import pytest
import scipy.special
from handmade import model

from onnxplain.errors import MethodRefusedError
from onnxplain.graph.attention import find_attention, token_stream
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network
from tests.heads import pictures, values

RNG = np.random.default_rng(0)
HEADS, TOKENS, WIDTH = 2, 9, 8
WEIGHTS = {
    "patch": RNG.normal(size=(8, 3, 2, 2)),
    "wq": RNG.normal(size=(8, 8)),
    "wk": RNG.normal(size=(8, 8)),
    "packed": RNG.normal(size=(8, 24)),
    "bias": RNG.normal(size=24),
    "head": RNG.normal(size=(8, 4)),
    "class": RNG.normal(size=(1, 1, 8)),
    "turned": np.array([8, 7, 6, 5, 4, 3, 2, 1, 0]),
    "tokens": np.array([0, 8, 9]),
    "split": np.array([0, -1, 2, 4]),
    "back": np.array([0, -1, 8]),
    "step": np.array(1 / 256, np.float32),
    "zero": np.array(0, np.uint8),
    "one": np.array([1]),
}
STEM = """
    c = Conv<strides = [2,2]>(image, patch) r = Reshape(c, tokens) t = Transpose<perm = [0,2,1]>(r)
"""
# Queries of the tokens, keys of them too; the values are the tokens.
LAYER = """
    q{0} = MatMul({1}, wq) qr{0} = Reshape(q{0}, split) qh{0} = Transpose<perm = [0,2,1,3]>(qr{0})
    k{0} = MatMul({1}, wk) kr{0} = Reshape(k{0}, split) kh{0} = Transpose<perm = [0,2,3,1]>(kr{0})
    s{0} = MatMul(qh{0}, kh{0}) a{0} = Softmax<axis = -1>(s{0})
    vr{0} = Reshape({1}, split) vh{0} = Transpose<perm = [0,2,1,3]>(vr{0})
    m{0} = MatMul(a{0}, vh{0}) mt{0} = Transpose<perm = [0,2,1,3]>(m{0}) z{0} = Reshape(mt{0}, back)
"""
HEAD = "p = ReduceMean<axes = [1], keepdims = 0>({}) scores = MatMul(p, head)"


def opened(body, opset=17, **changes):
    """Network of a body, and all values of one picture, in ONNX Runtime."""
    if opset > 17:
        body = body.replace("<axes = [1], keepdims = 0>(z)", "<keepdims = 0>(z, one)")
    used = {k: v for k, v in {**WEIGHTS, **changes}.items() if k in body.replace("(", " ")}
    proto = model(body, used, opset=opset)
    return Network(prepare(proto)), pictures(proto, batch=1)


def found(network):
    return find_attention(
        network.graph, network.shapes, network.image.name, network.head, network.axes
    )


def by_head(tokens):
    return tokens.reshape(len(tokens), HEADS, -1).swapaxes(0, 1).astype(np.float64)


def softmax_of(query, key, scale):
    return scipy.special.softmax(by_head(query) @ by_head(key).swapaxes(1, 2) * scale, axis=-1)


def test_layers_come_in_order_and_the_grid_is_measured():
    network, x = opened(STEM + LAYER.format(1, "t") + LAYER.format(2, "z1") + HEAD.format("z2"))
    layers, grid = found(network)
    assert [(n.node.op_type, n.tensors, n.fused) for n in layers] == [
        ("Softmax", ("a1",), False),
        ("Softmax", ("a2",), False),
    ]
    assert (grid.size, grid.prefix, grid.tokens) == ((3, 3), 0, TOKENS)
    np.testing.assert_array_equal(grid.order, np.arange(TOKENS))
    held = values(network.graph, x)
    for number, layer in enumerate(layers, 1):
        weights = layer.weights(network.graph, held)
        np.testing.assert_array_equal(weights, held[f"a{number}"][0])
        expected = softmax_of(held[f"q{number}"][0], held[f"k{number}"][0], 1)
        np.testing.assert_allclose(weights, expected, atol=1e-5)
    stream = token_stream(network.graph, network.shapes, network.axes, layers, grid)
    # What the second layer gets: behind the first one, in front of its own weights.
    index = {n: network.graph.producers[n].index for n in ("z1", stream.name, "a2")}
    assert index["z1"] <= index[stream.name] < index["a2"]
    assert (stream.grid, stream.tokens(network.shapes[stream.name])) == ((3, 3), TOKENS)


def test_a_class_token_stands_in_front():
    body = STEM + "u = Concat<axis = 1>(class, t) " + LAYER.format("", "u") + HEAD.format("z")
    _, grid = found(opened(body)[0])
    assert (grid.size, grid.prefix, grid.tokens) == ((3, 3), 1, 10)
    np.testing.assert_array_equal(grid.order, np.arange(1, 10))


def test_tokens_in_another_order_are_told_from_the_picture():
    """The picture's first token is the sequence's last one."""
    body = STEM + "u = Gather<axis = 1>(t, turned) " + LAYER.format("", "u") + HEAD.format("z")
    _, grid = found(opened(body)[0])
    np.testing.assert_array_equal(grid.order, WEIGHTS["turned"])


PROJECTED = "q = MatMul(t, wq) k = MatMul(t, wk) "
# Body, version, then query, key and scale from the values of its tensors.
FUSED = {
    "standard": (
        PROJECTED + "z = Attention<q_num_heads = 2, kv_num_heads = 2>(q, k, t)", 23,
        lambda v: (v["q"][0], v["k"][0], 0.5),
    ),
    "scaled": (
        PROJECTED + "z = Attention<q_num_heads = 2, kv_num_heads = 2, scale = 0.1>(q, k, t)", 23,
        lambda v: (v["q"][0], v["k"][0], 0.1),
    ),
    "several heads": (
        PROJECTED + "z = com.microsoft.MultiHeadAttention<num_heads = 2>(q, k, t, bias)", 17,
        lambda v: (v["q"][0] + WEIGHTS["bias"][:8], v["k"][0] + WEIGHTS["bias"][8:16], 0.5),
    ),
    "packed": (
        "z = com.microsoft.Attention<num_heads = 2>(t, packed, bias)", 17,
        lambda v: (
            v["t"][0] @ WEIGHTS["packed"][:, :8] + WEIGHTS["bias"][:8],
            v["t"][0] @ WEIGHTS["packed"][:, 8:16] + WEIGHTS["bias"][8:16],
            0.5,
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FUSED)
def test_a_fused_operator_s_weights_are_computed_again(form):
    body, opset, parts = FUSED[form]
    network, x = opened(STEM + body + HEAD.format("z"), opset)
    (layer,), grid = found(network)
    assert layer.fused
    assert (grid.size, grid.tokens) == ((3, 3), TOKENS)
    held = values(network.graph, x) if opset < 23 else stem_values(network, x)
    weights = layer.weights(network.graph, held)
    # Float32 projections come from ONNX Runtime; logits are of the order of ten.
    np.testing.assert_allclose(weights, softmax_of(*parts(held)), atol=1e-4)
    assert weights.shape == (HEADS, TOKENS, TOKENS)


def stem_values(network, x):
    """Tokens, queries and keys by NumPy: not every ONNX Runtime has the newest operator set."""
    patches = x[0].reshape(3, 3, 2, 3, 2).transpose(1, 3, 0, 2, 4).reshape(TOKENS, 12)
    t = patches.astype(np.float64) @ WEIGHTS["patch"].reshape(WIDTH, 12).T
    return {"t": t[None], "q": (t @ WEIGHTS["wq"])[None], "k": (t @ WEIGHTS["wk"])[None]}


def test_quantised_weights_are_scaled_back():
    body = """
        k = Transpose<perm = [0,2,1]>(t) s = MatMul(t, k) qs = QuantizeLinear(s, step, zero)
        qw = com.microsoft.QLinearSoftmax<axis = -1, opset = 17>(qs, step, zero, step, zero)
        a = DequantizeLinear(qw, step, zero) z = MatMul(a, t)
    """
    network, x = opened(STEM + body + HEAD.format("z"))
    (layer,), _ = found(network)
    held = values(network.graph, x)
    assert layer.node.op_type == "QLinearSoftmax"
    np.testing.assert_allclose(layer.weights(network.graph, held), held["a"], rtol=1e-6)


REFUSED = {
    "none": (STEM + HEAD.format("t"), "this model has none; use grad-cam, lrp or occlusion"),
    "a probability of the scores is none": (
        STEM + "p = ReduceMean<axes = [1], keepdims = 0>(t) l = MatMul(p, head) "
        "scores = Softmax<axis = 1>(l)",
        "has none",
    ),
    "different tokens": (
        STEM + LAYER.format(1, "t") + "u = Concat<axis = 1>(class, z1) " + LAYER.format(2, "u")
        + HEAD.format("z2"),
        "the same tokens in all layers, and this model has 9, 10; use grad-cam",
    ),
    "over channels": (
        STEM + "a = Softmax<axis = 1>(t) z = Mul(a, t) " + HEAD.format("z"),
        r"Softmax \(tensor 'a'\) of shape \[1, 9, 8\] is not attention of all tokens",
    ),
    "no grid": (
        "g = GlobalAveragePool(image) r = Reshape(g, one3) t = MatMul(r, wide) "
        "u = Reshape(t, seven) k = Transpose<perm = [0,2,1]>(u) s = MatMul(u, k) "
        "a = Softmax<axis = -1>(s) "
        "z = MatMul(a, u) " + HEAD.format("z"),
        r"the 7 tokens of Softmax \(tensor 'a'\) match no grid",
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", REFUSED)
def test_refusals(form):
    body, message = REFUSED[form]
    more = {
        "one3": np.array([0, 1, 3]),
        "wide": RNG.normal(size=(3, 56)),
        "seven": np.array([0, 7, 8]),
    }
    network, _ = opened(body, **more)
    with pytest.raises(MethodRefusedError, match=message):
        found(network)
